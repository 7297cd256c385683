-- +goose Up
-- The blobs that hold what the rules saw of a decision. Decisions share blobs: one may be deleted when no decision that is kept
-- refers to it, and a decision's row of the manifest stays, so that it is known what was dropped.
CREATE TABLE decision_blobs (
  log_index bigint NOT NULL REFERENCES decisions (log_index),
  what      text COLLATE "C" NOT NULL,    -- manifest, part or changes
  digest    text COLLATE "C" NOT NULL,
  PRIMARY KEY (log_index, what, digest)
);
CREATE INDEX decision_blobs_digest ON decision_blobs (digest);
-- For searches that nearly every decision matches: they look at the newest decisions one by one.
CREATE INDEX decision_terms_decision ON decision_terms (log_index);
