-- in which spans of 4 ms (id >> 23) a source has requests: a row for each span instead of each request
CREATE TABLE request_span (
    source INTEGER NOT NULL,
    span INTEGER NOT NULL,
    PRIMARY KEY (source, span)
) STRICT, WITHOUT ROWID;
INSERT INTO request_span SELECT DISTINCT source, id >> 23 FROM request ORDER BY 1, 2;
DROP INDEX request_by_source;
