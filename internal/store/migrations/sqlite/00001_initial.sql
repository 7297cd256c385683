-- +goose Up
-- Times are microseconds since 1970, UTC. Leases and pauses compare them with SQLite's own clock.

CREATE TABLE deliveries (
  id              TEXT PRIMARY KEY,
  event           TEXT NOT NULL,
  action          TEXT NOT NULL,
  installation_id INTEGER NOT NULL,
  repository      TEXT NOT NULL,
  received        INTEGER NOT NULL,
  source_ip       TEXT NOT NULL,
  digest          TEXT NOT NULL,
  summary         BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_received ON deliveries (received);

-- One row for each thing that waits or runs. The queue's jobs are only nudges to look at it.
CREATE TABLE work (
  kind       TEXT NOT NULL,
  key        TEXT NOT NULL,
  args       BLOB NOT NULL,
  priority   INTEGER NOT NULL,
  generation INTEGER NOT NULL,             -- counts the events that were folded in
  claimed    INTEGER NOT NULL DEFAULT 0,   -- the generation that the running handler was given
  attempt    INTEGER NOT NULL DEFAULT 0,   -- failures in a row
  not_before INTEGER NOT NULL,
  held       INTEGER NOT NULL DEFAULT 0,   -- not_before was asked for from outside: new events do not shorten it
  owner      TEXT NOT NULL DEFAULT '',     -- the claim of the running handler
  nudged     INTEGER NOT NULL DEFAULT 0,   -- a job of the queue is on its way
  wake_at    INTEGER NOT NULL,             -- when to look at the row unasked: end of the pause, of the lease, or a lost nudge
  last_error TEXT NOT NULL DEFAULT '',
  created    INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX work_wake ON work (wake_at);

CREATE TABLE log_head (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  size       INTEGER NOT NULL,
  root       BLOB NOT NULL,
  checkpoint TEXT NOT NULL,
  updated    INTEGER NOT NULL
) STRICT;
CREATE TABLE log_checkpoints (
  size       INTEGER PRIMARY KEY,
  checkpoint TEXT NOT NULL,                -- every one that was ever signed, also by keys that were rotated since
  time       INTEGER NOT NULL
) STRICT;
CREATE TABLE log_hashes (
  idx  INTEGER PRIMARY KEY,
  hash BLOB NOT NULL
) STRICT;
CREATE TABLE log_entries (
  idx          INTEGER PRIMARY KEY,
  key          TEXT UNIQUE,                -- makes a repeated append harmless; NULL: none
  time         INTEGER NOT NULL,
  type         TEXT NOT NULL,
  actor        TEXT NOT NULL,
  repository   TEXT NOT NULL,
  pull_request INTEGER NOT NULL,
  commit_sha   TEXT NOT NULL,
  verdict      TEXT NOT NULL,
  leaf         TEXT NOT NULL               -- canonical JSON, the bytes that are hashed
) STRICT;
CREATE INDEX log_entries_type ON log_entries (type, idx);
CREATE INDEX log_entries_actor ON log_entries (actor, idx);
CREATE INDEX log_entries_repository ON log_entries (repository, pull_request, idx);
CREATE INDEX log_entries_commit ON log_entries (commit_sha, idx);
CREATE TABLE log_resources (
  resource TEXT NOT NULL,
  idx      INTEGER NOT NULL REFERENCES log_entries (idx),
  PRIMARY KEY (resource, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,                 -- sha256:HEX of the content
  size   INTEGER NOT NULL,                 -- of the content
  data   BLOB NOT NULL                     -- gzip
) STRICT;

CREATE TABLE decisions (
  log_index     INTEGER PRIMARY KEY REFERENCES log_entries (idx),
  id            TEXT NOT NULL UNIQUE,
  repository_id INTEGER NOT NULL,
  repository    TEXT NOT NULL,
  pull_request  INTEGER NOT NULL,
  title         TEXT NOT NULL,
  author        TEXT NOT NULL,
  approvers     TEXT NOT NULL,             -- JSON list of logins
  base          TEXT NOT NULL,
  head          TEXT NOT NULL,
  verdict       TEXT NOT NULL,
  time          INTEGER NOT NULL,
  facts_digest  TEXT NOT NULL,
  policy_digest TEXT NOT NULL,
  decision      BLOB NOT NULL              -- gzip of canonical JSON
) STRICT;
CREATE INDEX decisions_pull_request ON decisions (repository_id, pull_request, log_index);
CREATE INDEX decisions_head ON decisions (repository_id, head, log_index);
CREATE INDEX decisions_head_only ON decisions (head);
CREATE INDEX decisions_repository ON decisions (repository, pull_request, log_index);
CREATE INDEX decisions_verdict ON decisions (verdict, log_index);
CREATE INDEX decisions_author ON decisions (author, log_index);
CREATE INDEX decisions_time ON decisions (time);
CREATE TABLE decision_resources (
  resource  TEXT NOT NULL,
  log_index INTEGER NOT NULL REFERENCES decisions (log_index),
  actions   TEXT NOT NULL,                 -- JSON list
  PRIMARY KEY (resource, log_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_resources_decision ON decision_resources (log_index);

CREATE TABLE publications (
  repository_id INTEGER NOT NULL,
  pull_request  INTEGER NOT NULL,
  head          TEXT NOT NULL,
  decision      TEXT NOT NULL,
  check_run_id  INTEGER NOT NULL,
  digest        TEXT NOT NULL,
  state         TEXT NOT NULL,
  reason        TEXT NOT NULL,
  updated       INTEGER NOT NULL,
  PRIMARY KEY (repository_id, pull_request, head)
) STRICT, WITHOUT ROWID;
CREATE INDEX publications_head ON publications (repository_id, head);
CREATE TABLE comments (
  repository_id INTEGER NOT NULL,
  pull_request  INTEGER NOT NULL,
  comment_id    INTEGER NOT NULL,
  digest        TEXT NOT NULL,
  updated       INTEGER NOT NULL,
  PRIMARY KEY (repository_id, pull_request)
) STRICT, WITHOUT ROWID;

CREATE TABLE pushers (
  repository_id INTEGER NOT NULL,
  sha           TEXT NOT NULL,
  login         TEXT NOT NULL,
  time          INTEGER NOT NULL,
  PRIMARY KEY (repository_id, sha, login)
) STRICT, WITHOUT ROWID;
CREATE TABLE merges (
  repository_id INTEGER NOT NULL,
  pull_request  INTEGER NOT NULL,
  commit_sha    TEXT NOT NULL,
  merged_by     TEXT NOT NULL,
  base          TEXT NOT NULL,
  time          INTEGER NOT NULL,
  PRIMARY KEY (repository_id, pull_request)
) STRICT, WITHOUT ROWID;
CREATE INDEX merges_commit ON merges (repository_id, commit_sha);
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
