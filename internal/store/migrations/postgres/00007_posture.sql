-- +goose Up
-- How each protected branch was protected when it was last looked at, and the commit that was at its tip then.
CREATE TABLE postures (
  repository_id   bigint NOT NULL,
  branch          text COLLATE "C" NOT NULL,
  repository      text COLLATE "C" NOT NULL, -- owner/name
  installation_id bigint NOT NULL,
  is_default      bigint NOT NULL,
  state           text COLLATE "C" NOT NULL, -- ok, unknown, problem
  report          text NOT NULL,             -- JSON
  tip             text COLLATE "C" NOT NULL, -- '': not looked at
  changed         timestamptz NOT NULL,      -- when the report last changed
  checked         timestamptz NOT NULL,
  PRIMARY KEY (repository_id, branch)
);
CREATE INDEX postures_installation ON postures (installation_id);
