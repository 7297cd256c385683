-- +goose Up
-- Who may do something that only one process may do at a time. A holder that is gone loses it when its time is over.
CREATE TABLE leases (
  name  TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- How far the log has been shipped, by destination.
CREATE TABLE shipping (
  destination TEXT PRIMARY KEY,
  next        INTEGER NOT NULL,           -- index of the first entry that the destination has not taken
  error       TEXT NOT NULL DEFAULT '',   -- why the last attempt failed; '': it did not
  updated     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_facts ON decisions (facts_digest);   -- is a blob still referred to?
