-- what came to a source, by the hour
CREATE TABLE figure_source (
    hour INTEGER NOT NULL,
    source INTEGER NOT NULL,
    -- requests, copies of known events too
    received INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    -- of the last request
    last_at INTEGER NOT NULL,
    PRIMARY KEY (hour, source)
) STRICT, WITHOUT ROWID;

-- of the application's last message, to the minute; 0: none yet
ALTER TABLE app ADD COLUMN last_message_at INTEGER NOT NULL DEFAULT 0;
-- a message's id holds its milliseconds since 2020: domain/ids.rs
UPDATE app SET last_message_at =
    coalesce(((SELECT max(id) FROM message WHERE message.app = app.id) >> 21) + 1577836800000, 0);
CREATE INDEX app_by_name ON app (org, name COLLATE NOCASE, id)
    WHERE deleted = 0 AND operational = 0 AND source IS NULL;
CREATE INDEX app_by_last_message ON app (org, last_message_at, id)
    WHERE deleted = 0 AND operational = 0 AND source IS NULL;

-- which endpoints of an organisation's own applications take which event types
CREATE TABLE subscription (
    org INTEGER NOT NULL,
    -- empty: takes every type
    event_type TEXT NOT NULL,
    endpoint INTEGER NOT NULL,
    PRIMARY KEY (org, event_type, endpoint)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO subscription
    SELECT a.org, coalesce(t.value, ''), e.id
    FROM endpoint e JOIN app a ON a.id = e.app LEFT JOIN json_each(e.event_types) t
    WHERE e.deleted = 0 AND a.deleted = 0 AND a.operational = 0 AND a.source IS NULL
    ORDER BY 1, 2, 3;
CREATE INDEX subscription_of_endpoint ON subscription (endpoint);
