-- +goose Up
-- What a decision can be found by, besides the resources it changes: rule (lower case), file, person (lower case), commit.
CREATE TABLE decision_terms (
  kind      text COLLATE "C" NOT NULL,
  term      text COLLATE "C" NOT NULL,
  log_index bigint NOT NULL REFERENCES decisions (log_index),
  n         bigint NOT NULL,              -- how often: findings of the rule that were new or worse
  PRIMARY KEY (kind, term, log_index)
);
-- The waivers that were used in a decision, a row for each finding that one covered.
CREATE TABLE decision_waivers (
  log_index bigint NOT NULL REFERENCES decisions (log_index),
  n         bigint NOT NULL,
  rule      text COLLATE "C" NOT NULL,
  resource  text COLLATE "C" NOT NULL,
  reason    text COLLATE "C" NOT NULL,
  owner     text COLLATE "C" NOT NULL,
  expires   text COLLATE "C" NOT NULL,    -- YYYY-MM-DD
  PRIMARY KEY (log_index, n)
);
CREATE INDEX merges_commit_only ON merges (commit_sha);
CREATE INDEX merges_merged_by ON merges (merged_by);

-- People who are logged in. The id is a digest and the content sealed: what opens both is in the person's cookie alone.
CREATE TABLE sessions (
  id      text COLLATE "C" PRIMARY KEY,
  sealed  bytea NOT NULL,
  expires timestamptz NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires);
