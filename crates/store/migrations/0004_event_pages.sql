-- keys of events, many to a row: their rows are read again, and packed
DROP TABLE event_key;
UPDATE meta SET value = 0 WHERE name = 'event_keys_merged';
CREATE TABLE event_page (
    source INTEGER NOT NULL,
    -- the smallest hash that the page may have; the next page's is where it ends
    first BLOB NOT NULL,
    -- hash (16 bytes) and request (8 bytes, big-endian) of each key, sorted
    keys BLOB NOT NULL,
    PRIMARY KEY (source, first)
) STRICT, WITHOUT ROWID;
