-- +goose Up
-- What webhooks told last about each pull request: where to say that it cannot be judged while GitHub does not show it.
CREATE TABLE told (
  repository_id bigint NOT NULL,
  pull_request  bigint NOT NULL,
  head          text COLLATE "C" NOT NULL,
  base          text COLLATE "C" NOT NULL, -- branch
  open          bigint NOT NULL,
  updated       timestamptz NOT NULL,      -- by GitHub's clock: an older event that arrives later changes nothing
  received      timestamptz NOT NULL,
  PRIMARY KEY (repository_id, pull_request)
);
-- What GitHub has not been told yet is looked for at each scrape of the metrics.
CREATE INDEX publications_unposted ON publications (state) WHERE state IN ('pending', 'failed');
