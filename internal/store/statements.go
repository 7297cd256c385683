package store

// statements are the SQL of one database. Both sets take the same arguments in the same order; the comment gives them.
type statements struct {
	// param is the nth placeholder, counted from 1, for statements put together at run time.
	param func(n int) string
	// glob is a condition that column matches the shell pattern in parameter n, and the value to bind.
	glob func(column string, n int, pattern string) (condition string, value string)

	insertDelivery  string // id, event, action, installation_id, repository, received, source_ip, digest, summary; changes nothing when id is known
	knownDelivery   string // id
	pruneDeliveries string // older than

	enqueue   string // kind, key, args, priority, not_before -> due
	nudged    string // kind, key, safety net in microseconds
	renudge   string // what nobody has claimed is due, whatever was nudged
	claim     string // kind, key, owner, lease in microseconds -> args, priority, attempt
	extend    string // kind, key, owner, lease in microseconds
	held      string // kind, key, owner; locks the row against a change of owner until the commit
	finish    string // kind, key, owner; deletes unless an event arrived meanwhile
	again     string // kind, key, owner -> due; for an event that arrived meanwhile
	putBack   string // kind, key, owner, failed attempts to add, held, error, pause in microseconds -> due
	expired   string // limit -> kind, key, owner, attempt, priority; rows that nobody looked after in time
	anything  string // -> 1 when expired would return something
	queueStat string // -> kind, waiting, running, failing, oldest

	logHead       string // -> size, root, checkpoint; locked until the commit
	readHead      string // -> size, root, checkpoint
	newHead       string // root, checkpoint, updated; changes nothing when there is one
	putHead       string // size, root, checkpoint, updated
	putCheckpoint string // size, checkpoint, time
	checkpoints   string // -> checkpoint, oldest first
	lastEntry     string // -> idx, leaf
	putHash       string // idx, hash
	putEntry      string // idx, key, time, type, actor, repository, pull_request, commit, verdict, leaf
	putEntryRes   string // idx, JSON list of resources
	putEntryAlong string // idx, JSON list of commits
	entryByKey    string // key -> idx
	entryLeaves   string // from, limit -> idx, leaf
	putBlob       string // digest, size, data; changes nothing when the digest is known
	blob          string // digest -> size, data
	putDecision   string // see recordDecision
	decision      string // id -> decisionColumns, decision
	latest        string // repository_id, pull_request -> decisionColumns, decision
	latestHead    string // repository_id, head -> decisionColumns, decision: the latest of each pull request
	putDecRes     string // log_index, JSON list of {resource, actions (JSON text)}
	putDecNames   string // log_index, JSON list of {name, resource}
	putEvidence   string // log_index, JSON list of {what, digest}
	putTerms      string // log_index, JSON list of {kind, term, n}
	putWaivers    string // log_index, JSON list of {n, rule, resource, reason, owner, expires}
	day           string // the expression for the day of d.time, UTC, as YYYY-MM-DD
	supersede     string // repository_id, pull_request, head, reason, updated
	pendPub       string // repository_id, pull_request, head, decision, updated
	putPub        string // repository_id, pull_request, head, decision, check_run_id, digest, state, reason, updated
	pub           string // repository_id, pull_request, head
	pubsOfHead    string // repository_id, head
	putComment    string // repository_id, pull_request, comment_id, digest, updated
	comment       string // repository_id, pull_request
	putPusher     string // repository_id, sha, login, time
	pushers       string // repository_id, sha
	putMerge      string // repository_id, pull_request, commit, merged_by, base, time
	merge         string // repository_id, pull_request
	putMeta       string // key, value
	meta          string // key

	shipping shippingStatements
}
