-- +goose Up
-- Who may do something that only one process may do at a time. A holder that is gone loses it when its time is over.
CREATE TABLE leases (
  name  text COLLATE "C" PRIMARY KEY,
  owner text COLLATE "C" NOT NULL,
  until timestamptz NOT NULL
);
-- How far the log has been shipped, by destination.
CREATE TABLE shipping (
  destination text COLLATE "C" PRIMARY KEY,
  next        bigint NOT NULL,                        -- index of the first entry that the destination has not taken
  error       text COLLATE "C" NOT NULL DEFAULT '',   -- why the last attempt failed; '': it did not
  updated     timestamptz NOT NULL
);
CREATE INDEX decisions_facts ON decisions (facts_digest);   -- is a blob still referred to?
