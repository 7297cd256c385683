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
-- The blobs that a decision's facts refer to, its facts among them: what may go when the decision is old enough.
CREATE TABLE decision_blobs (
  digest    text COLLATE "C" NOT NULL,
  log_index bigint NOT NULL REFERENCES decisions (log_index),
  PRIMARY KEY (digest, log_index)
);
CREATE INDEX decision_blobs_decision ON decision_blobs (log_index);
