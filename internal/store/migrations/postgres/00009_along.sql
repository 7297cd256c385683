-- +goose Up
-- The commits that came to a branch together with the one that an entry is about.
CREATE TABLE log_commits (
  commit_sha text COLLATE "C" NOT NULL,
  idx        bigint NOT NULL REFERENCES log_entries (idx),
  PRIMARY KEY (commit_sha, idx)
);
