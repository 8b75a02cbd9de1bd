CREATE TABLE org (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE app (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    uid TEXT,
    name TEXT NOT NULL,
    throttle_rate INTEGER CHECK (throttle_rate > 0),
    metadata TEXT NOT NULL,
    -- 1: carries the organisation's operational webhooks, and is in no list
    operational INTEGER NOT NULL DEFAULT 0 CHECK (operational IN (0, 1)),
    updated_at INTEGER NOT NULL,
    -- set: gone for every reader; its rows are being deleted in slices
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX app_uid ON app (org, uid) WHERE uid IS NOT NULL AND deleted = 0;
CREATE UNIQUE INDEX app_operational ON app (org) WHERE operational = 1 AND deleted = 0;
CREATE INDEX app_by_org ON app (org, id);
CREATE INDEX app_deleted ON app (id) WHERE deleted = 1;

CREATE TABLE endpoint (
    id INTEGER PRIMARY KEY,
    app INTEGER NOT NULL,
    uid TEXT,
    url TEXT NOT NULL,
    url_version INTEGER NOT NULL,
    description TEXT NOT NULL,
    version INTEGER NOT NULL,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    throttle_rate INTEGER CHECK (throttle_rate > 0),
    event_types TEXT,
    channels TEXT,
    metadata TEXT NOT NULL,
    headers BLOB NOT NULL,
    failing_since INTEGER,
    updated_at INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX endpoint_uid ON endpoint (app, uid) WHERE uid IS NOT NULL AND deleted = 0;
CREATE INDEX endpoint_by_app ON endpoint (app, id);
CREATE INDEX endpoint_deleted ON endpoint (id) WHERE deleted = 1;

CREATE TABLE endpoint_url (
    endpoint INTEGER NOT NULL,
    version INTEGER NOT NULL,
    url TEXT NOT NULL,
    -- set: the endpoint is gone; its attempts still name its URLs
    gone_at INTEGER,
    PRIMARY KEY (endpoint, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoint_url_gone ON endpoint_url (gone_at) WHERE gone_at IS NOT NULL;

CREATE TABLE endpoint_secret (
    id INTEGER PRIMARY KEY,
    endpoint INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    -- NULL: the current one
    expires_at INTEGER
) STRICT;
CREATE INDEX endpoint_secret_by_endpoint ON endpoint_secret (endpoint, id);

CREATE TABLE event_type (
    org INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
    deprecated INTEGER NOT NULL CHECK (deprecated IN (0, 1)),
    schemas TEXT,
    feature_flags TEXT,
    group_name TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (org, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    app INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    event_id TEXT,
    channels TEXT,
    tags TEXT,
    -- hash of the idempotency key that brought it
    key BLOB,
    deliver_at INTEGER,
    -- NULL: by the installation's payload retention
    payload_until INTEGER,
    -- NULL: expired or deleted
    payload BLOB
) STRICT;
CREATE INDEX message_by_app ON message (app);
CREATE UNIQUE INDEX message_event_id ON message (app, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX message_payload_until ON message (payload_until) WHERE payload_until IS NOT NULL;

-- deliveries that a node holds in memory; empty when nothing is in flight
CREATE TABLE lease (
    message INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    cause INTEGER NOT NULL CHECK (cause BETWEEN 0 AND 3),
    PRIMARY KEY (message, endpoint, ordinal)
) STRICT, WITHOUT ROWID;

-- deliveries that nobody holds: due at a time, or dead
CREATE TABLE delivery (
    message INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    -- NULL: dead
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    cause INTEGER NOT NULL CHECK (cause BETWEEN 0 AND 3),
    dead INTEGER CHECK (dead BETWEEN 1 AND 4),
    PRIMARY KEY (message, endpoint, ordinal),
    CHECK ((due_at IS NULL) = (dead IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (endpoint, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_dead ON delivery (endpoint, message) WHERE dead IS NOT NULL;

-- the summary of a lane with deliveries on disk
CREATE TABLE lane (
    endpoint INTEGER PRIMARY KEY,
    waiting INTEGER NOT NULL,
    dead INTEGER NOT NULL
) STRICT;

CREATE TABLE attempt (
    message INTEGER NOT NULL,
    id INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    number INTEGER NOT NULL,
    success INTEGER NOT NULL CHECK (success IN (0, 1)),
    status_code INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    manual INTEGER NOT NULL CHECK (manual IN (0, 1)),
    url_version INTEGER NOT NULL,
    -- NULL: deleted
    response BLOB,
    PRIMARY KEY (message, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_by_endpoint ON attempt (endpoint, id);
CREATE INDEX attempt_failed ON attempt (endpoint, id) WHERE success = 0;

CREATE TABLE stat_hour (
    endpoint INTEGER NOT NULL,
    -- hours since the Unix epoch
    hour INTEGER NOT NULL,
    success INTEGER NOT NULL,
    fail INTEGER NOT NULL,
    canceled INTEGER NOT NULL,
    PRIMARY KEY (endpoint, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX stat_by_hour ON stat_hour (hour);

CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    app INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 1),
    status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
    -- messages looked at: next, and the end
    cursor INTEGER NOT NULL,
    until INTEGER NOT NULL,
    done INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX task_by_org ON task (org, id);
CREATE INDEX task_running ON task (id) WHERE status = 0;

-- answers kept for idempotency keys that people chose
CREATE TABLE idempotency (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    -- a message, or
    message INTEGER,
    -- an answer
    status INTEGER,
    body BLOB
) STRICT;

CREATE TABLE revoked_token (
    hash BLOB PRIMARY KEY,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_token_expires ON revoked_token (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', 0);
