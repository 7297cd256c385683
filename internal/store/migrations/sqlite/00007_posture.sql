-- +goose Up
-- How each protected branch was protected when it was last looked at, and the commit that was at its tip then.
CREATE TABLE postures (
  repository_id   INTEGER NOT NULL,
  branch          TEXT NOT NULL,
  repository      TEXT NOT NULL,          -- owner/name
  installation_id INTEGER NOT NULL,
  is_default      INTEGER NOT NULL,
  state           TEXT NOT NULL,          -- ok, unknown, problem
  report          TEXT NOT NULL,          -- JSON
  tip             TEXT NOT NULL,          -- '': not looked at
  changed         INTEGER NOT NULL,       -- when the report last changed
  checked         INTEGER NOT NULL,
  PRIMARY KEY (repository_id, branch)
) STRICT, WITHOUT ROWID;
CREATE INDEX postures_installation ON postures (installation_id);
