-- set: carries the messages of this source, and is in no list
ALTER TABLE app ADD COLUMN source INTEGER;

CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    app INTEGER NOT NULL,
    uid TEXT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- the sealed configuration
    config BLOB NOT NULL,
    options TEXT NOT NULL,
    metadata TEXT NOT NULL,
    -- 0 live, 1 paused, 2 disabled
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    is_bin INTEGER NOT NULL CHECK (is_bin IN (0, 1)),
    forwards INTEGER NOT NULL CHECK (forwards IN (0, 1)),
    share TEXT,
    expires_at INTEGER,
    updated_at INTEGER NOT NULL,
    -- set: gone for every reader; its rows are being deleted in slices
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX source_uid ON source (org, uid) WHERE uid IS NOT NULL AND deleted = 0;
CREATE UNIQUE INDEX source_share ON source (share) WHERE share IS NOT NULL;
CREATE INDEX source_by_org ON source (org, is_bin, id);
CREATE INDEX source_expires ON source (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX source_deleted ON source (id) WHERE deleted = 1;

CREATE TABLE source_token (
    token TEXT PRIMARY KEY,
    source INTEGER NOT NULL,
    -- NULL: the current one
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX source_token_by_source ON source_token (source);

-- the request that a message was made of
ALTER TABLE message ADD COLUMN source INTEGER;
ALTER TABLE message ADD COLUMN request INTEGER;

CREATE TABLE request (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    -- 0 accepted, 1 held, 2 refused, 3 handshake, 4 captured
    verdict INTEGER NOT NULL CHECK (verdict BETWEEN 0 AND 4),
    -- why it was refused
    reason TEXT,
    -- of the answer
    status INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    event_type TEXT,
    -- 16 bytes for each key of its events
    keys BLOB,
    -- its first message, and how many
    message INTEGER,
    messages INTEGER NOT NULL,
    -- where in that message's payload the body lies; NULL: in `body`
    body_from INTEGER,
    body_len INTEGER NOT NULL,
    head BLOB NOT NULL,
    body BLOB
) STRICT;
CREATE INDEX request_by_source ON request (source);
CREATE INDEX request_held ON request (source) WHERE verdict = 1;

-- keys of events that are no longer in memory, merged in by batches
CREATE TABLE event_key (
    source INTEGER NOT NULL,
    hash BLOB NOT NULL,
    request INTEGER NOT NULL,
    PRIMARY KEY (source, hash)
) STRICT, WITHOUT ROWID;
-- keys of requests up to this one are in event_key; later ones are read again at the start
INSERT INTO meta VALUES ('event_keys_merged', 0);

-- how far each consumer of a sink has read
CREATE TABLE consumer (
    app INTEGER NOT NULL,
    sink TEXT NOT NULL,
    consumer TEXT NOT NULL,
    -- the last message that it was given
    position INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (app, sink, consumer)
) STRICT, WITHOUT ROWID;
