-- the link or form that a message comes from
ALTER TABLE message ADD COLUMN origin INTEGER;
CREATE INDEX message_by_origin ON message (origin) WHERE origin IS NOT NULL;

-- a path in the payload: only the first message for each value there is delivered
ALTER TABLE endpoint ADD COLUMN first_per TEXT;
-- counts the changes of first_per: what was seen before one counts no more
ALTER TABLE endpoint ADD COLUMN first_per_version INTEGER NOT NULL DEFAULT 0;
-- 1: made by a subscription; 410 deletes it
ALTER TABLE endpoint ADD COLUMN hook INTEGER NOT NULL DEFAULT 0 CHECK (hook IN (0, 1));
CREATE INDEX endpoint_hook ON endpoint (app) WHERE hook = 1;

-- values that an endpoint with `first_per` has seen
CREATE TABLE first_seen (
    endpoint INTEGER NOT NULL,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (endpoint, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX first_seen_at ON first_seen (at);

CREATE TABLE link (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    app INTEGER NOT NULL,
    slug TEXT NOT NULL,
    target TEXT NOT NULL,
    name TEXT NOT NULL,
    -- 301, 302, 303, 307 or 308
    redirect INTEGER NOT NULL,
    tags TEXT,
    metadata TEXT NOT NULL,
    -- the query parameter of the target that carries the click's id
    click_param TEXT,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    expires_at INTEGER,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX link_slug ON link (slug);
CREATE INDEX link_by_org ON link (org, id);
CREATE INDEX link_by_app ON link (app, id);

CREATE TABLE form (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    app INTEGER NOT NULL,
    token TEXT NOT NULL,
    name TEXT NOT NULL,
    -- JSON: domain::FormSpec
    spec TEXT NOT NULL,
    metadata TEXT NOT NULL,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX form_token ON form (token);
CREATE INDEX form_by_org ON form (org, id);
CREATE INDEX form_by_app ON form (app, id);

-- files that came with a submission
CREATE TABLE form_file (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    field TEXT NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX form_file_by_message ON form_file (message);

-- what links and forms counted
CREATE TABLE stat (
    origin INTEGER NOT NULL,
    -- 0 hour (by the minute), 1 day (totals by the hour), 2 ever (which totals there are, not how many)
    span INTEGER NOT NULL CHECK (span BETWEEN 0 AND 2),
    -- hours or days since the Unix epoch; 0 for ever
    at INTEGER NOT NULL,
    -- packed: sqlite/figures.rs
    figures BLOB NOT NULL,
    PRIMARY KEY (origin, span, at)
) STRICT, WITHOUT ROWID;

-- origins that are no more: their figures are being deleted
CREATE TABLE stat_gone (
    origin INTEGER PRIMARY KEY,
    -- since when; events that were under way are counted for a while yet
    at INTEGER NOT NULL
) STRICT;

-- what visitors are hashed with, for one day
CREATE TABLE visitor_salt (
    day INTEGER PRIMARY KEY,
    salt BLOB NOT NULL
) STRICT;

-- imports of links
CREATE TABLE import (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    app INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- 0 running, 1 finished, 2 stopped
    status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
    -- the last line that was dealt with
    line INTEGER NOT NULL,
    created INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX import_by_org ON import (org, id);
CREATE TABLE import_error (
    import INTEGER NOT NULL,
    line INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (import, line)
) STRICT, WITHOUT ROWID;
