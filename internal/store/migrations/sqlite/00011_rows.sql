-- +goose Up
-- What entries are found by is held against the entries themselves.
CREATE INDEX log_resources_entry ON log_resources (idx);
CREATE INDEX log_commits_entry ON log_commits (idx);
