-- +goose Up
-- What webhooks told last about each pull request: where to say that it cannot be judged while GitHub does not show it.
CREATE TABLE told (
  repository_id INTEGER NOT NULL,
  pull_request  INTEGER NOT NULL,
  head          TEXT NOT NULL,
  base          TEXT NOT NULL,            -- branch
  open          INTEGER NOT NULL,
  updated       INTEGER NOT NULL,         -- by GitHub's clock: an older event that arrives later changes nothing
  received      INTEGER NOT NULL,
  PRIMARY KEY (repository_id, pull_request)
) STRICT, WITHOUT ROWID;
-- What GitHub has not been told yet is looked for at each scrape of the metrics.
CREATE INDEX publications_unposted ON publications (state) WHERE state IN ('pending', 'failed');
