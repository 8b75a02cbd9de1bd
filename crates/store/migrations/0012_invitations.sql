-- links that let somebody join, so that they can be listed and withdrawn; whether one was used is in used_ticket
CREATE TABLE invitation (
    org INTEGER NOT NULL,
    -- of its ticket
    nonce BLOB NOT NULL,
    -- NULL: for whoever has the link
    email TEXT,
    -- as in person
    role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 2),
    -- an actor, as in audit
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (org, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX invitation_expires ON invitation (expires_at);
