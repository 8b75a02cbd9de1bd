-- those who sign in; e-mail addresses are unique over the installation, whatever their case
CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    -- as it was typed
    email TEXT NOT NULL,
    -- in lower case
    email_key TEXT NOT NULL,
    name TEXT NOT NULL,
    -- 0 owner, 1 developer, 2 support
    role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 2),
    -- a PHC string; NULL: cannot sign in
    password TEXT,
    shortcuts INTEGER NOT NULL CHECK (shortcuts IN (0, 1)),
    updated_at INTEGER NOT NULL,
    last_seen_at INTEGER
) STRICT;
CREATE UNIQUE INDEX person_email ON person (email_key);
CREATE INDEX person_by_org ON person (org, id);

CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL,
    -- SHA-256 of the cookie's token
    hash BLOB NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address TEXT,
    agent TEXT
) STRICT;
CREATE UNIQUE INDEX session_hash ON session (hash);
CREATE INDEX session_by_person ON session (person, id);
CREATE INDEX session_expires ON session (expires_at);

-- one-time tickets that were used; forgotten when they would have expired anyway
CREATE TABLE used_ticket (
    nonce BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_ticket_expires ON used_ticket (expires_at);

CREATE TABLE profile (
    org INTEGER PRIMARY KEY,
    -- JSON: store::Profile
    profile TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_key (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- JSON list
    scopes TEXT NOT NULL,
    -- an actor, as in audit
    created_by TEXT NOT NULL,
    -- SHA-256 of its token
    hash BLOB NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX api_key_by_org ON api_key (org, id);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT,
    address TEXT
) STRICT;
CREATE INDEX audit_by_org ON audit (org, id);
