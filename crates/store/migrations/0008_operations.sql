-- set: since when its queue waits
ALTER TABLE endpoint ADD COLUMN paused_at INTEGER;

-- the same table, with more kinds and statuses, what a replay asks for, and what came of it
ALTER TABLE task RENAME TO task_before;
CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    app INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    -- 0 recover, 1 replay missing, 2 bulk replay
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
    -- 0 running, 1 finished, 2 failed, 3 paused, 4 canceled
    status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4),
    -- messages looked at: the first, the next, and the end
    start INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    until INTEGER NOT NULL,
    -- JSON: which messages, and what was counted before the start
    filter TEXT NOT NULL,
    estimate TEXT,
    -- deliveries made in a second at most, and when the next may be
    speed INTEGER CHECK (speed > 0),
    next_at INTEGER NOT NULL,
    -- deliveries made, and what became of them
    done INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    canceled INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO task
    SELECT id, org, app, endpoint, kind, status, cursor, cursor, until, '{}', NULL, NULL, 0, done, 0, 0, 0, updated_at
    FROM task_before;
DROP TABLE task_before;
CREATE INDEX task_by_org ON task (org, id);
CREATE INDEX task_by_app ON task (app, id);
CREATE INDEX task_running ON task (id) WHERE status = 0;

-- deliveries that a task made
CREATE TABLE task_delivery (
    endpoint INTEGER NOT NULL,
    message INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    task INTEGER NOT NULL,
    -- 0 waiting, 1 delivered, 2 failed, 3 canceled
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    -- of the last attempt
    status_code INTEGER,
    at INTEGER NOT NULL,
    PRIMARY KEY (endpoint, message, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_delivery_by_task ON task_delivery (task, message, ordinal);
