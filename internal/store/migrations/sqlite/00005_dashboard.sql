-- +goose Up
-- What a decision can be found by, besides the resources it changes: rule (lower case), file, person (lower case), commit.
CREATE TABLE decision_terms (
  kind      TEXT NOT NULL,
  term      TEXT NOT NULL,
  log_index INTEGER NOT NULL REFERENCES decisions (log_index),
  n         INTEGER NOT NULL,             -- how often: findings of the rule that were new or worse
  PRIMARY KEY (kind, term, log_index)
) STRICT, WITHOUT ROWID;
-- The waivers that were used in a decision, a row for each finding that one covered.
CREATE TABLE decision_waivers (
  log_index INTEGER NOT NULL REFERENCES decisions (log_index),
  n         INTEGER NOT NULL,
  rule      TEXT NOT NULL,
  resource  TEXT NOT NULL,
  reason    TEXT NOT NULL,
  owner     TEXT NOT NULL,
  expires   TEXT NOT NULL,                -- YYYY-MM-DD
  PRIMARY KEY (log_index, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX merges_commit_only ON merges (commit_sha);
CREATE INDEX merges_merged_by ON merges (merged_by);

-- People who are logged in. The id is a digest and the content sealed: what opens both is in the person's cookie alone.
CREATE TABLE sessions (
  id      TEXT PRIMARY KEY,
  sealed  BLOB NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_expires ON sessions (expires);
