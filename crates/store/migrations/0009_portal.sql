-- a bin that customers made for themselves: their application
ALTER TABLE source ADD COLUMN inbox_of INTEGER;
CREATE INDEX source_inbox ON source (inbox_of, id) WHERE inbox_of IS NOT NULL;

-- tokens of an application that are refused: those issued up to a time, from a time on
CREATE TABLE token_floor (
    app INTEGER NOT NULL,
    -- of these sessions only; empty: all
    session TEXT NOT NULL,
    since INTEGER NOT NULL,
    issued_by INTEGER NOT NULL,
    PRIMARY KEY (app, session, since)
) STRICT, WITHOUT ROWID;
