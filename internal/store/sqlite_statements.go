package store

import (
	"strconv"
	"strings"
)

// SQLite's clock in the unit of the columns, and a time that never comes: not_before while a handler runs, so that an event
// that arrives meanwhile leaves its own.
const (
	sqliteNow   = `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
	sqliteNever = `253370764800000000`
)

const decisionColumns = `d.log_index, d.id, d.repository_id, d.repository, d.pull_request, d.title, d.author, d.approvers, d.base, d.head, d.verdict, d.time, d.facts_digest, d.policy_digest`

func sqliteStatements() *statements {
	expand := strings.NewReplacer("{now}", sqliteNow, "{never}", sqliteNever, "{decision}", decisionColumns).Replace
	return &statements{
		shipping: shippingSQLite(),

		param: func(n int) string { return "?" + strconv.Itoa(n) },
		glob: func(column string, n int, pattern string) (string, string) {
			return column + " GLOB ?" + strconv.Itoa(n), strings.ReplaceAll(pattern, "[", "[[]")
		},

		insertDelivery: `INSERT INTO deliveries (id, event, action, installation_id, repository, received, source_ip, digest, summary)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING`,
		knownDelivery:   `SELECT 1 FROM deliveries WHERE id = ?1`,
		pruneDeliveries: `DELETE FROM deliveries WHERE received < ?1`,

		enqueue: expand(`INSERT INTO work (kind, key, args, priority, generation, not_before, wake_at, created)
			VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5, {now})
			ON CONFLICT (kind, key) DO UPDATE SET
				args = excluded.args,
				priority = min(priority, excluded.priority),
				generation = generation + 1,
				nudged = nudged AND excluded.priority >= priority,
				not_before = CASE WHEN held THEN not_before ELSE min(not_before, excluded.not_before) END,
				wake_at = CASE WHEN held OR nudged OR owner <> '' THEN wake_at ELSE min(wake_at, excluded.not_before) END
			RETURNING owner = '' AND NOT nudged AND not_before <= {now}`),
		nudged:  expand(`UPDATE work SET nudged = 1, wake_at = {now} + ?3 WHERE kind = ?1 AND key = ?2`),
		renudge: expand(`UPDATE work SET wake_at = {now} WHERE nudged AND owner = ''`),
		claim: expand(`UPDATE work SET owner = ?3, claimed = generation, nudged = 0, held = 0, not_before = {never}, wake_at = {now} + ?4
			WHERE kind = ?1 AND key = ?2 AND owner = '' AND not_before <= {now}
			RETURNING args, priority, attempt`),
		extend: expand(`UPDATE work SET wake_at = {now} + ?4 WHERE kind = ?1 AND key = ?2 AND owner = ?3`),
		held:   `SELECT 1 FROM work WHERE kind = ?1 AND key = ?2 AND owner = ?3`,
		finish: `DELETE FROM work WHERE kind = ?1 AND key = ?2 AND owner = ?3 AND generation = claimed`,
		again: expand(`UPDATE work SET owner = '', attempt = 0, last_error = '', wake_at = not_before
			WHERE kind = ?1 AND key = ?2 AND owner = ?3
			RETURNING not_before <= {now}`),
		putBack: expand(`UPDATE work SET owner = '', attempt = attempt + ?4, held = ?5, last_error = ?6,
				not_before = CASE WHEN ?5 THEN {now} + ?7 ELSE min(not_before, {now} + ?7) END,
				wake_at    = CASE WHEN ?5 THEN {now} + ?7 ELSE min(not_before, {now} + ?7) END
			WHERE kind = ?1 AND key = ?2 AND owner = ?3
			RETURNING not_before <= {now}`),
		expired:  expand(`SELECT kind, key, owner, attempt, priority FROM work WHERE wake_at <= {now} ORDER BY wake_at LIMIT ?1`),
		anything: expand(`SELECT 1 FROM work WHERE wake_at <= {now} LIMIT 1`),
		queueStat: `SELECT kind, sum(owner = ''), sum(owner <> ''), sum(attempt > 0), min(created)
			FROM work GROUP BY kind ORDER BY kind`,

		logHead:       `SELECT size, root, checkpoint FROM log_head WHERE id = 1`,
		readHead:      `SELECT size, root, checkpoint FROM log_head WHERE id = 1`,
		newHead:       `INSERT INTO log_head (id, size, root, checkpoint, updated) VALUES (1, 0, ?1, ?2, ?3) ON CONFLICT (id) DO NOTHING`,
		putHead:       `UPDATE log_head SET size = ?1, root = ?2, checkpoint = ?3, updated = ?4 WHERE id = 1`,
		putCheckpoint: `INSERT INTO log_checkpoints (size, checkpoint, time) VALUES (?1, ?2, ?3) ON CONFLICT (size) DO NOTHING`,
		checkpoints:   `SELECT checkpoint FROM log_checkpoints ORDER BY size`,
		lastEntry:     `SELECT idx, leaf FROM log_entries ORDER BY idx DESC LIMIT 1`,
		putHash:       `INSERT INTO log_hashes (idx, hash) VALUES (?1, ?2)`,
		putEntry: `INSERT INTO log_entries (idx, key, time, type, actor, repository, pull_request, commit_sha, verdict, leaf)
			VALUES (?1, nullif(?2, ''), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
		putEntryRes:   `INSERT INTO log_resources (idx, resource) SELECT ?1, value FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING`,
		putEntryAlong: `INSERT INTO log_commits (idx, commit_sha) SELECT ?1, value FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING`,
		entryByKey:    `SELECT idx FROM log_entries WHERE key = ?1`,
		entryLeaves:   `SELECT idx, leaf FROM log_entries WHERE idx >= ?1 ORDER BY idx LIMIT ?2`,
		putBlob:       `INSERT INTO blobs (digest, size, data) VALUES (?1, ?2, ?3) ON CONFLICT (digest) DO NOTHING`,
		blob:          `SELECT size, data FROM blobs WHERE digest = ?1`,
		putDecision: `INSERT INTO decisions (log_index, id, repository_id, repository, pull_request, title, author, approvers, base, head,
				verdict, time, facts_digest, policy_digest, decision)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)`,
		decision: expand(`SELECT {decision}, d.decision FROM decisions d WHERE d.id = ?1`),
		latest: expand(`SELECT {decision}, d.decision FROM decisions d
			WHERE d.repository_id = ?1 AND d.pull_request = ?2 ORDER BY d.log_index DESC LIMIT 1`),
		latestHead: expand(`SELECT {decision}, d.decision FROM decisions d WHERE d.log_index IN (
			SELECT max(log_index) FROM decisions WHERE repository_id = ?1 AND head = ?2 GROUP BY pull_request) ORDER BY d.pull_request`),
		putDecRes: `INSERT INTO decision_resources (log_index, resource, actions)
			SELECT ?1, value ->> 'resource', value ->> 'actions' FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING`,
		putDecNames: `INSERT INTO decision_names (log_index, name, resource)
			SELECT ?1, value ->> 'name', value ->> 'resource' FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING`,
		putEvidence: `INSERT INTO decision_blobs (log_index, what, digest) SELECT ?1, value ->> 'what', value ->> 'digest'
			FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING`,
		putTerms: `INSERT INTO decision_terms (log_index, kind, term, n)
			SELECT ?1, value ->> 'kind', value ->> 'term', value ->> 'n' FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING`,
		putWaivers: `INSERT INTO decision_waivers (log_index, n, rule, resource, reason, owner, expires)
			SELECT ?1, value ->> 'n', value ->> 'rule', value ->> 'resource', value ->> 'reason', value ->> 'owner', value ->> 'expires'
			FROM json_each(?2)`,
		day: `strftime('%Y-%m-%d', d.time / 1000000, 'unixepoch')`,
		supersede: `UPDATE publications SET state = 'superseded', reason = ?4, updated = ?5
			WHERE repository_id = ?1 AND pull_request = ?2 AND head <> ?3 AND state = 'pending'`,
		pendPub: `INSERT INTO publications (repository_id, pull_request, head, decision, check_run_id, digest, state, reason, updated)
			VALUES (?1, ?2, ?3, ?4, 0, '', 'pending', '', ?5)
			ON CONFLICT (repository_id, pull_request, head) DO UPDATE SET
				decision = excluded.decision, state = 'pending', reason = '', updated = excluded.updated`,
		putPub: `INSERT INTO publications (repository_id, pull_request, head, decision, check_run_id, digest, state, reason, updated)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
			ON CONFLICT (repository_id, pull_request, head) DO UPDATE SET
				check_run_id = CASE WHEN excluded.check_run_id = 0 THEN check_run_id ELSE excluded.check_run_id END,
				digest = excluded.digest,
				state  = CASE WHEN decision = excluded.decision THEN excluded.state ELSE state END,
				reason = CASE WHEN decision = excluded.decision THEN excluded.reason ELSE reason END,
				updated = excluded.updated`,
		pub: `SELECT repository_id, pull_request, head, decision, check_run_id, digest, state, reason, updated FROM publications
			WHERE repository_id = ?1 AND pull_request = ?2 AND head = ?3`,
		pubsOfHead: `SELECT repository_id, pull_request, head, decision, check_run_id, digest, state, reason, updated FROM publications
			WHERE repository_id = ?1 AND head = ?2 ORDER BY pull_request`,
		putComment: `INSERT INTO comments (repository_id, pull_request, comment_id, digest, updated) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (repository_id, pull_request) DO UPDATE SET
				comment_id = excluded.comment_id, digest = excluded.digest, updated = excluded.updated`,
		comment: `SELECT repository_id, pull_request, comment_id, digest, updated FROM comments WHERE repository_id = ?1 AND pull_request = ?2`,
		putPusher: `INSERT INTO pushers (repository_id, sha, login, time) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (repository_id, sha, login) DO NOTHING`,
		pushers: `SELECT login FROM pushers WHERE repository_id = ?1 AND sha = ?2 ORDER BY login`,
		putMerge: `INSERT INTO merges (repository_id, pull_request, commit_sha, merged_by, base, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
			ON CONFLICT (repository_id, pull_request) DO UPDATE SET
				commit_sha = excluded.commit_sha, merged_by = excluded.merged_by, base = excluded.base, time = excluded.time`,
		merge:   `SELECT repository_id, pull_request, commit_sha, merged_by, base, time FROM merges WHERE repository_id = ?1 AND pull_request = ?2`,
		putMeta: `INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
		meta:    `SELECT value FROM meta WHERE key = ?1`,
	}
}
