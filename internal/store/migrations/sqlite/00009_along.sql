-- +goose Up
-- The commits that came to a branch together with the one that an entry is about.
CREATE TABLE log_commits (
  commit_sha TEXT NOT NULL,
  idx        INTEGER NOT NULL REFERENCES log_entries (idx),
  PRIMARY KEY (commit_sha, idx)
) STRICT, WITHOUT ROWID;
-- The names and ids that clouds know the changed resources of a decision by.
CREATE TABLE decision_names (
  name      TEXT NOT NULL,
  log_index INTEGER NOT NULL REFERENCES decisions (log_index),
  resource  TEXT NOT NULL,
  PRIMARY KEY (name, log_index, resource)
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_names_decision ON decision_names (log_index);
