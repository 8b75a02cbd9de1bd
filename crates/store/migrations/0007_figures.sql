-- what an organisation did, by the minute and by the hour
CREATE TABLE figure_minute (
    org INTEGER NOT NULL,
    -- minutes since the Unix epoch
    at INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    retried INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    received INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    -- packed: figures/histogram.rs
    latency BLOB NOT NULL,
    PRIMARY KEY (org, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX figure_minute_at ON figure_minute (at);
CREATE TABLE figure_hour (
    org INTEGER NOT NULL,
    -- hours since the Unix epoch
    at INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    retried INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    received INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    latency BLOB NOT NULL,
    PRIMARY KEY (org, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX figure_hour_at ON figure_hour (at);

-- Those below begin with the hour: what is written together lies together, and what is old at one end.
CREATE TABLE figure_app (
    hour INTEGER NOT NULL,
    org INTEGER NOT NULL,
    app INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    retried INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    -- of the last message; 0 without one
    last_at INTEGER NOT NULL,
    PRIMARY KEY (hour, org, app)
) STRICT, WITHOUT ROWID;
CREATE TABLE figure_endpoint (
    hour INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    retried INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    latency BLOB NOT NULL,
    PRIMARY KEY (hour, endpoint)
) STRICT, WITHOUT ROWID;
CREATE TABLE figure_type (
    hour INTEGER NOT NULL,
    -- 0 with an empty type: what there was in this hour is not known for certain
    org INTEGER NOT NULL,
    -- empty: types beyond those counted one by one
    event_type TEXT NOT NULL,
    messages INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (hour, org, event_type)
) STRICT, WITHOUT ROWID;
-- how many times figures were written, and since when they are collected
INSERT INTO meta VALUES ('figures_written', 0);
INSERT INTO meta VALUES ('figures_from', 0);

CREATE TABLE issue (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    app INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    -- domain::IssueKind
    kind INTEGER NOT NULL,
    -- 0 open, 1 resolved, 2 muted
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    -- of the last failure
    message INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    status_code INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX issue_of_endpoint ON issue (endpoint, kind);
CREATE INDEX issue_by_org ON issue (org, last_at, id);
CREATE INDEX issue_by_state ON issue (org, state, last_at, id);
CREATE INDEX issue_by_app ON issue (app, last_at, id);
CREATE INDEX issue_open ON issue (endpoint) WHERE state = 0;
CREATE INDEX issue_last_at ON issue (last_at);

-- lanes with something on disk
CREATE INDEX lane_busy ON lane (endpoint) WHERE waiting > 0 OR dead > 0;
