-- how an attempt spent its time, and what headers came back: packed, see domain::detail; NULL: not known
ALTER TABLE attempt ADD COLUMN detail BLOB;
