package store

import (
	"strconv"
	"strings"
)

// The moment of the statement, not of the transaction's begin, and a time that never comes: see the SQLite counterparts.
const (
	postgresNow   = `clock_timestamp()`
	postgresNever = `timestamptz '9999-01-01 00:00:00Z'`
)

func postgresStatements() *statements {
	expand := strings.NewReplacer("{now}", postgresNow, "{never}", postgresNever, "{decision}", decisionColumns).Replace
	return &statements{
		shipping: shippingPostgres(),

		param: func(n int) string { return "$" + strconv.Itoa(n) },
		glob: func(column string, n int, pattern string) (string, string) {
			like := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`, `?`, `_`).Replace(pattern)
			return column + ` LIKE $` + strconv.Itoa(n), like
		},

		insertDelivery: `INSERT INTO deliveries (id, event, action, installation_id, repository, received, source_ip, digest, summary)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`,
		knownDelivery:   `SELECT 1::bigint FROM deliveries WHERE id = $1`,
		pruneDeliveries: `DELETE FROM deliveries WHERE received < $1`,

		enqueue: expand(`INSERT INTO work AS w (kind, key, args, priority, generation, not_before, wake_at, created)
			VALUES ($1, $2, $3, $4, 1, $5, $5, {now})
			ON CONFLICT (kind, key) DO UPDATE SET
				args = excluded.args,
				priority = least(w.priority, excluded.priority),
				generation = w.generation + 1,
				nudged = w.nudged AND excluded.priority >= w.priority,
				not_before = CASE WHEN w.held THEN w.not_before ELSE least(w.not_before, excluded.not_before) END,
				wake_at = CASE WHEN w.held OR w.nudged OR w.owner <> '' THEN w.wake_at ELSE least(w.wake_at, excluded.not_before) END
			RETURNING w.owner = '' AND NOT w.nudged AND w.not_before <= {now}`),
		nudged:  expand(`UPDATE work SET nudged = true, wake_at = {now} + $3::bigint * interval '1 microsecond' WHERE kind = $1 AND key = $2`),
		renudge: expand(`UPDATE work SET wake_at = {now} WHERE nudged AND owner = ''`),
		claim: expand(`UPDATE work SET owner = $3, claimed = generation, nudged = false, held = false, not_before = {never},
				wake_at = {now} + $4::bigint * interval '1 microsecond'
			WHERE kind = $1 AND key = $2 AND owner = '' AND not_before <= {now}
			RETURNING args, priority, attempt`),
		extend: expand(`UPDATE work SET wake_at = {now} + $4::bigint * interval '1 microsecond'
			WHERE kind = $1 AND key = $2 AND owner = $3`),
		held:   `SELECT 1::bigint FROM work WHERE kind = $1 AND key = $2 AND owner = $3 FOR SHARE`,
		finish: `DELETE FROM work WHERE kind = $1 AND key = $2 AND owner = $3 AND generation = claimed`,
		again: expand(`UPDATE work SET owner = '', attempt = 0, last_error = '', wake_at = not_before
			WHERE kind = $1 AND key = $2 AND owner = $3
			RETURNING not_before <= {now}`),
		putBack: expand(`UPDATE work SET owner = '', attempt = attempt + $4, held = $5, last_error = $6,
				not_before = CASE WHEN $5 THEN p.pause ELSE least(not_before, p.pause) END,
				wake_at    = CASE WHEN $5 THEN p.pause ELSE least(not_before, p.pause) END
			FROM (SELECT {now} + $7::bigint * interval '1 microsecond' AS pause) p
			WHERE kind = $1 AND key = $2 AND owner = $3
			RETURNING not_before <= {now}`),
		expired: expand(`SELECT kind, key, owner, attempt, priority FROM work WHERE wake_at <= {now} ORDER BY wake_at LIMIT $1
			FOR UPDATE SKIP LOCKED`),
		anything: expand(`SELECT 1::bigint FROM work WHERE wake_at <= {now} LIMIT 1`),
		queueStat: `SELECT kind, count(*) FILTER (WHERE owner = ''), count(*) FILTER (WHERE owner <> ''),
				count(*) FILTER (WHERE attempt > 0), min(created)
			FROM work GROUP BY kind ORDER BY kind`,

		logHead:       `SELECT size, root, checkpoint FROM log_head WHERE id = 1 FOR UPDATE`,
		readHead:      `SELECT size, root, checkpoint FROM log_head WHERE id = 1`,
		newHead:       `INSERT INTO log_head (id, size, root, checkpoint, updated) VALUES (1, 0, $1, $2, $3) ON CONFLICT (id) DO NOTHING`,
		putHead:       `UPDATE log_head SET size = $1, root = $2, checkpoint = $3, updated = $4 WHERE id = 1`,
		putCheckpoint: `INSERT INTO log_checkpoints (size, checkpoint, time) VALUES ($1, $2, $3) ON CONFLICT (size) DO NOTHING`,
		checkpoints:   `SELECT checkpoint FROM log_checkpoints ORDER BY size`,
		lastEntry:     `SELECT idx, leaf FROM log_entries ORDER BY idx DESC LIMIT 1`,
		putHash:       `INSERT INTO log_hashes (idx, hash) VALUES ($1, $2)`,
		putEntry: `INSERT INTO log_entries (idx, key, time, type, actor, repository, pull_request, commit_sha, verdict, leaf)
			VALUES ($1, nullif($2, ''), $3, $4, $5, $6, $7, $8, $9, $10)`,
		putEntryRes: `INSERT INTO log_resources (idx, resource) SELECT $1::bigint, value FROM json_array_elements_text($2::text::json)
			ON CONFLICT DO NOTHING`,
		putEntryAlong: `INSERT INTO log_commits (idx, commit_sha) SELECT $1::bigint, value FROM json_array_elements_text($2::text::json)
			ON CONFLICT DO NOTHING`,
		entryByKey:  `SELECT idx FROM log_entries WHERE key = $1`,
		entryLeaves: `SELECT idx, leaf FROM log_entries WHERE idx >= $1 ORDER BY idx LIMIT $2`,
		putBlob:     `INSERT INTO blobs (digest, size, data) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING`,
		blob:        `SELECT size, data FROM blobs WHERE digest = $1`,
		putDecision: `INSERT INTO decisions (log_index, id, repository_id, repository, pull_request, title, author, approvers, base, head,
				verdict, time, facts_digest, policy_digest, decision)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		decision: expand(`SELECT {decision}, d.decision FROM decisions d WHERE d.id = $1`),
		latest: expand(`SELECT {decision}, d.decision FROM decisions d
			WHERE d.repository_id = $1 AND d.pull_request = $2 ORDER BY d.log_index DESC LIMIT 1`),
		latestHead: expand(`SELECT {decision}, d.decision FROM (
				SELECT DISTINCT ON (pull_request) * FROM decisions WHERE repository_id = $1 AND head = $2
				ORDER BY pull_request, log_index DESC) d
			ORDER BY d.pull_request`),
		putDecRes: `INSERT INTO decision_resources (log_index, resource, actions)
			SELECT $1::bigint, value ->> 'resource', value ->> 'actions' FROM json_array_elements($2::text::json) ON CONFLICT DO NOTHING`,
		putDecNames: `INSERT INTO decision_names (log_index, name, resource)
			SELECT $1::bigint, value ->> 'name', value ->> 'resource' FROM json_array_elements($2::text::json) ON CONFLICT DO NOTHING`,
		putEvidence: `INSERT INTO decision_blobs (log_index, what, digest) SELECT $1::bigint, value ->> 'what', value ->> 'digest'
			FROM json_array_elements($2::text::json) WHERE true ON CONFLICT DO NOTHING`,
		putTerms: `INSERT INTO decision_terms (log_index, kind, term, n)
			SELECT $1::bigint, value ->> 'kind', value ->> 'term', (value ->> 'n')::bigint FROM json_array_elements($2::text::json) ON CONFLICT DO NOTHING`,
		putWaivers: `INSERT INTO decision_waivers (log_index, n, rule, resource, reason, owner, expires)
			SELECT $1::bigint, (value ->> 'n')::bigint, value ->> 'rule', value ->> 'resource', value ->> 'reason', value ->> 'owner', value ->> 'expires'
			FROM json_array_elements($2::text::json)`,
		day: `to_char(d.time AT TIME ZONE 'UTC', 'YYYY-MM-DD')`,
		supersede: `UPDATE publications SET state = 'superseded', reason = $4, updated = $5
			WHERE repository_id = $1 AND pull_request = $2 AND head <> $3 AND state = 'pending'`,
		pendPub: `INSERT INTO publications (repository_id, pull_request, head, decision, check_run_id, digest, state, reason, updated)
			VALUES ($1, $2, $3, $4, 0, '', 'pending', '', $5)
			ON CONFLICT (repository_id, pull_request, head) DO UPDATE SET
				decision = excluded.decision, state = 'pending', reason = '', updated = excluded.updated`,
		putPub: `INSERT INTO publications AS p (repository_id, pull_request, head, decision, check_run_id, digest, state, reason, updated)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (repository_id, pull_request, head) DO UPDATE SET
				check_run_id = CASE WHEN excluded.check_run_id = 0 THEN p.check_run_id ELSE excluded.check_run_id END,
				digest = excluded.digest,
				state  = CASE WHEN p.decision = excluded.decision THEN excluded.state ELSE p.state END,
				reason = CASE WHEN p.decision = excluded.decision THEN excluded.reason ELSE p.reason END,
				updated = excluded.updated`,
		pub: `SELECT repository_id, pull_request, head, decision, check_run_id, digest, state, reason, updated FROM publications
			WHERE repository_id = $1 AND pull_request = $2 AND head = $3`,
		pubsOfHead: `SELECT repository_id, pull_request, head, decision, check_run_id, digest, state, reason, updated FROM publications
			WHERE repository_id = $1 AND head = $2 ORDER BY pull_request`,
		putComment: `INSERT INTO comments (repository_id, pull_request, comment_id, digest, updated) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (repository_id, pull_request) DO UPDATE SET
				comment_id = excluded.comment_id, digest = excluded.digest, updated = excluded.updated`,
		comment: `SELECT repository_id, pull_request, comment_id, digest, updated FROM comments WHERE repository_id = $1 AND pull_request = $2`,
		putPusher: `INSERT INTO pushers (repository_id, sha, login, time) VALUES ($1, $2, $3, $4)
			ON CONFLICT (repository_id, sha, login) DO NOTHING`,
		pushers: `SELECT login FROM pushers WHERE repository_id = $1 AND sha = $2 ORDER BY login`,
		putMerge: `INSERT INTO merges (repository_id, pull_request, commit_sha, merged_by, base, time) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (repository_id, pull_request) DO UPDATE SET
				commit_sha = excluded.commit_sha, merged_by = excluded.merged_by, base = excluded.base, time = excluded.time`,
		merge:   `SELECT repository_id, pull_request, commit_sha, merged_by, base, time FROM merges WHERE repository_id = $1 AND pull_request = $2`,
		putMeta: `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
		meta:    `SELECT value FROM meta WHERE key = $1`,
	}
}
