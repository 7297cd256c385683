-- +goose Up
-- The commits that came to a branch together with the one that an entry is about.
CREATE TABLE log_commits (
  commit_sha text COLLATE "C" NOT NULL,
  idx        bigint NOT NULL REFERENCES log_entries (idx),
  PRIMARY KEY (commit_sha, idx)
);
-- The names and ids that clouds know the changed resources of a decision by.
CREATE TABLE decision_names (
  name      text COLLATE "C" NOT NULL,
  log_index bigint NOT NULL REFERENCES decisions (log_index),
  resource  text COLLATE "C" NOT NULL,
  PRIMARY KEY (name, log_index, resource)
);
CREATE INDEX decision_names_decision ON decision_names (log_index);
