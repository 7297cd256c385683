-- +goose Up
-- Columns that are searched by prefix or used as keys sort by bytes ("C"), as they do in SQLite.

CREATE TABLE deliveries (
  id              text COLLATE "C" PRIMARY KEY,
  event           text COLLATE "C" NOT NULL,
  action          text COLLATE "C" NOT NULL,
  installation_id bigint NOT NULL,
  repository      text COLLATE "C" NOT NULL,
  received        timestamptz NOT NULL,
  source_ip       text COLLATE "C" NOT NULL,
  digest          text COLLATE "C" NOT NULL,
  summary         bytea NOT NULL
);
CREATE INDEX deliveries_received ON deliveries (received);

-- One row for each thing that waits or runs. The queue's jobs are only nudges to look at it.
CREATE TABLE work (
  kind       text COLLATE "C" NOT NULL,
  key        text COLLATE "C" NOT NULL,
  args       bytea NOT NULL,
  priority   bigint NOT NULL,
  generation bigint NOT NULL,             -- counts the events that were folded in
  claimed    bigint NOT NULL DEFAULT 0,   -- the generation that the running handler was given
  attempt    bigint NOT NULL DEFAULT 0,   -- failures in a row
  not_before timestamptz NOT NULL,
  held       boolean NOT NULL DEFAULT false,   -- not_before was asked for from outside: new events do not shorten it
  owner      text COLLATE "C" NOT NULL DEFAULT '',     -- the claim of the running handler
  nudged     boolean NOT NULL DEFAULT false,   -- a job of the queue is on its way
  wake_at    timestamptz NOT NULL,             -- when to look at the row unasked: end of the pause, of the lease, or a lost nudge
  last_error text COLLATE "C" NOT NULL DEFAULT '',
  created    timestamptz NOT NULL,
  PRIMARY KEY (kind, key)
);
CREATE INDEX work_wake ON work (wake_at);

CREATE TABLE log_head (
  id         bigint PRIMARY KEY CHECK (id = 1),
  size       bigint NOT NULL,
  root       bytea NOT NULL,
  checkpoint text COLLATE "C" NOT NULL,
  updated    timestamptz NOT NULL
);
CREATE TABLE log_checkpoints (
  size       bigint PRIMARY KEY,
  checkpoint text COLLATE "C" NOT NULL,                -- every one that was ever signed, also by keys that were rotated since
  time       timestamptz NOT NULL
);
CREATE TABLE log_hashes (
  idx  bigint PRIMARY KEY,
  hash bytea NOT NULL
);
CREATE TABLE log_entries (
  idx          bigint PRIMARY KEY,
  key          text COLLATE "C" UNIQUE,                -- makes a repeated append harmless; NULL: none
  time         timestamptz NOT NULL,
  type         text COLLATE "C" NOT NULL,
  actor        text COLLATE "C" NOT NULL,
  repository   text COLLATE "C" NOT NULL,
  pull_request bigint NOT NULL,
  commit_sha   text COLLATE "C" NOT NULL,
  verdict      text COLLATE "C" NOT NULL,
  leaf         text COLLATE "C" NOT NULL               -- canonical JSON, the bytes that are hashed
);
CREATE INDEX log_entries_type ON log_entries (type, idx);
CREATE INDEX log_entries_actor ON log_entries (actor, idx);
CREATE INDEX log_entries_repository ON log_entries (repository, pull_request, idx);
CREATE INDEX log_entries_commit ON log_entries (commit_sha, idx);
CREATE TABLE log_resources (
  resource text COLLATE "C" NOT NULL,
  idx      bigint NOT NULL REFERENCES log_entries (idx),
  PRIMARY KEY (resource, idx)
);

CREATE TABLE blobs (
  digest text COLLATE "C" PRIMARY KEY,                 -- sha256:HEX of the content
  size   bigint NOT NULL,                 -- of the content
  data   bytea NOT NULL                     -- gzip
);

CREATE TABLE decisions (
  log_index     bigint PRIMARY KEY REFERENCES log_entries (idx),
  id            text COLLATE "C" NOT NULL UNIQUE,
  repository_id bigint NOT NULL,
  repository    text COLLATE "C" NOT NULL,
  pull_request  bigint NOT NULL,
  title         text COLLATE "C" NOT NULL,
  author        text COLLATE "C" NOT NULL,
  approvers     text COLLATE "C" NOT NULL,             -- JSON list of logins
  base          text COLLATE "C" NOT NULL,
  head          text COLLATE "C" NOT NULL,
  verdict       text COLLATE "C" NOT NULL,
  time          timestamptz NOT NULL,
  facts_digest  text COLLATE "C" NOT NULL,
  policy_digest text COLLATE "C" NOT NULL,
  decision      bytea NOT NULL              -- gzip of canonical JSON
);
CREATE INDEX decisions_pull_request ON decisions (repository_id, pull_request, log_index);
CREATE INDEX decisions_head ON decisions (repository_id, head, log_index);
CREATE INDEX decisions_head_only ON decisions (head);
CREATE INDEX decisions_repository ON decisions (repository, pull_request, log_index);
CREATE INDEX decisions_verdict ON decisions (verdict, log_index);
CREATE INDEX decisions_author ON decisions (author, log_index);
CREATE INDEX decisions_time ON decisions (time);
CREATE TABLE decision_resources (
  resource  text COLLATE "C" NOT NULL,
  log_index bigint NOT NULL REFERENCES decisions (log_index),
  actions   text COLLATE "C" NOT NULL,                 -- JSON list
  PRIMARY KEY (resource, log_index)
);
CREATE INDEX decision_resources_decision ON decision_resources (log_index);

CREATE TABLE publications (
  repository_id bigint NOT NULL,
  pull_request  bigint NOT NULL,
  head          text COLLATE "C" NOT NULL,
  decision      text COLLATE "C" NOT NULL,
  check_run_id  bigint NOT NULL,
  digest        text COLLATE "C" NOT NULL,
  state         text COLLATE "C" NOT NULL,
  reason        text COLLATE "C" NOT NULL,
  updated       timestamptz NOT NULL,
  PRIMARY KEY (repository_id, pull_request, head)
);
CREATE INDEX publications_head ON publications (repository_id, head);
CREATE TABLE comments (
  repository_id bigint NOT NULL,
  pull_request  bigint NOT NULL,
  comment_id    bigint NOT NULL,
  digest        text COLLATE "C" NOT NULL,
  updated       timestamptz NOT NULL,
  PRIMARY KEY (repository_id, pull_request)
);

CREATE TABLE pushers (
  repository_id bigint NOT NULL,
  sha           text COLLATE "C" NOT NULL,
  login         text COLLATE "C" NOT NULL,
  time          timestamptz NOT NULL,
  PRIMARY KEY (repository_id, sha, login)
);
CREATE TABLE merges (
  repository_id bigint NOT NULL,
  pull_request  bigint NOT NULL,
  commit_sha    text COLLATE "C" NOT NULL,
  merged_by     text COLLATE "C" NOT NULL,
  base          text COLLATE "C" NOT NULL,
  time          timestamptz NOT NULL,
  PRIMARY KEY (repository_id, pull_request)
);
CREATE INDEX merges_commit ON merges (repository_id, commit_sha);
CREATE TABLE meta (
  key   text COLLATE "C" PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);
