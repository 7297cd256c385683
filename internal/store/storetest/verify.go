package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// found gives a record everything that it can be found by.
func found(r store.Record) store.Record {
	r.Resources[0].Names = []string{"sg-0a1b2c", "web"}
	r.Terms = []store.Term{
		{Kind: store.TermRule, Term: "IM-06", N: 2}, {Kind: store.TermFile, Term: "main.tf"}, {Kind: store.TermPerson, Term: "Dana"},
		{Kind: store.TermPerson, Term: "dana"}, {Kind: store.TermCommit, Term: r.Head},
	}
	r.Waivers = []store.WaiverUse{{Rule: "IM-06", Resource: "aws_security_group.web", Reason: "old", Owner: "dana", Expires: "2027-01-01"}}
	return r
}

// testVerify changes rows behind the store's back, in the log and beside it, and wants the first entry named that does not agree.
func testVerify(t *testing.T, fresh func(testing.TB) string) {
	moved := movedFor(fresh(t))
	for name, attack := range map[string]struct {
		statement string
		index     int64 // of the entry that must be named; -1: the head itself does not match
	}{
		"nothing":                {"", 0},
		"an old entry":           {"UPDATE log_entries SET leaf = replace(leaf, 'posture', 'nothing') WHERE idx = 0", 0},
		"an entry moved":         {"UPDATE log_entries SET idx = CASE idx WHEN 0 THEN 1000 ELSE idx END", -1},
		"a verdict":              {"UPDATE decisions SET verdict = 'pass' WHERE id = 'd1'", 1},
		"a head":                 {"UPDATE decisions SET head = 'other' WHERE id = 'd2'", 2},
		"a policy":               {"UPDATE decisions SET policy_digest = 'sha256:00' WHERE id = 'd1'", 1},
		"the facts' digest":      {"UPDATE decisions SET facts_digest = 'sha256:00' WHERE id = 'd2'", 2},
		"a decision's text":      {"UPDATE decisions SET decision = (SELECT decision FROM decisions WHERE id = 'd2') WHERE id = 'd1'", 1},
		"a decision gone":        {"DELETE FROM decision_resources WHERE log_index = 1; DELETE FROM decision_terms WHERE log_index = 1; DELETE FROM decision_names WHERE log_index = 1; DELETE FROM decision_waivers WHERE log_index = 1; DELETE FROM decisions WHERE id = 'd1'", 1},
		"a decision renamed":     {"UPDATE decisions SET id = 'd9' WHERE id = 'd2'", 2},
		"a title":                {"UPDATE decisions SET title = 'Fix a typo' WHERE id = 'd1'", 1},
		"an author":              {"UPDATE decisions SET author = 'kim' WHERE id = 'd2'", 2},
		"approvers":              {"UPDATE decisions SET approvers = '[\"kim\"]' WHERE id = 'd1'", 1},
		"a base":                 {"UPDATE decisions SET base = 'other' WHERE id = 'd1'", 1},
		"a repository's number":  {"UPDATE decisions SET repository_id = 7 WHERE id = 'd2'", 2},
		"a repository's name":    {"UPDATE decisions SET repository = 'acme/toys' WHERE id = 'd2'", 2},
		"a time":                 {moved("decisions") + " WHERE id = 'd1'", 1},
		"a resource":             {"UPDATE decision_resources SET resource = 'aws_instance.other' WHERE log_index = 1 AND resource = 'aws_security_group.web'", 1},
		"a resource gone":        {"DELETE FROM decision_resources WHERE log_index = 2 AND resource = 'aws_security_group.web'", 2},
		"actions":                {"UPDATE decision_resources SET actions = '[]' WHERE log_index = 1 AND resource = 'aws_security_group.web'", 1},
		"a name":                 {"UPDATE decision_names SET name = 'sg-0' WHERE log_index = 1 AND name = 'web'", 1},
		"a name's resource":      {"UPDATE decision_names SET resource = 'aws_x.y' WHERE log_index = 1", 1},
		"all names gone":         {"DELETE FROM decision_names WHERE log_index = 2", 2},
		"a person":               {"UPDATE decision_terms SET term = 'nobody' WHERE log_index = 1 AND kind = 'person'", 1},
		"a rule's count":         {"UPDATE decision_terms SET n = 0 WHERE log_index = 2 AND kind = 'rule'", 2},
		"a term slipped in":      {"INSERT INTO decision_terms (log_index, kind, term, n) VALUES (2, 'person', 'kim', 0)", 2},
		"a waiver":               {"UPDATE decision_waivers SET owner = 'kim' WHERE log_index = 1", 1},
		"a waiver gone":          {"DELETE FROM decision_waivers WHERE log_index = 1", 1},
		"an entry's type":        {"UPDATE log_entries SET type = 'export' WHERE idx = 3", 3},
		"an entry's actor":       {"UPDATE log_entries SET actor = 'kim' WHERE idx = 1", 1},
		"an entry's repository":  {"UPDATE log_entries SET repository = 'acme/toys' WHERE idx = 2", 2},
		"an entry's number":      {"UPDATE log_entries SET pull_request = 9 WHERE idx = 2", 2},
		"an entry's commit":      {"UPDATE log_entries SET commit_sha = 'x' WHERE idx = 1", 1},
		"an entry's verdict":     {"UPDATE log_entries SET verdict = 'pass' WHERE idx = 1", 1},
		"an entry's time":        {moved("log_entries") + " WHERE idx = 1", 1},
		"an entry's resource":    {"DELETE FROM log_resources WHERE idx = 1 AND resource = 'aws_security_group.web'", 1},
		"a commit along":         {"UPDATE log_commits SET commit_sha = 'other' WHERE idx = 3 AND commit_sha = 'one'", 3},
		"who merged":             {"UPDATE merges SET merged_by = 'kim' WHERE pull_request = 1", 4},
		"what was merged":        {"UPDATE merges SET commit_sha = 'other' WHERE pull_request = 1", 4},
		"where it was merged":    {"UPDATE merges SET base = 'other' WHERE pull_request = 1", 4},
		"a merge gone":           {"DELETE FROM merges", 4},
		"a merge slipped in":     {"INSERT INTO merges (repository_id, pull_request, commit_sha, merged_by, base, time) SELECT 1, 2, 'x', 'kim', 'main', time FROM merges", 4},
		"an old checkpoint gone": {"DELETE FROM log_checkpoints WHERE size = 1", 0},
		"a checkpoint forged":    {"UPDATE log_checkpoints SET checkpoint = replace(checkpoint, 'gatehouse', 'gateheuse') WHERE size = 1", -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, signer := fresh(t), Signer(t)
			s := Open(t, url, store.Options{Signer: signer})
			must[store.Position](t)(s.Append(t.Context(), []store.Entry{{Type: store.EntryPosture}}))
			for i, id := range []string{"d1", "d2"} {
				must[store.Position](t)(s.Record(t.Context(), found(SampleRecord(id, i+1, "head"+id))))
			}
			must[store.Position](t)(s.Append(t.Context(), []store.Entry{{Type: store.EntryBypass, Along: []string{"one", "two"}}}))
			merge := store.Merge{RepositoryID: 1, Repository: "acme/infra", PullRequest: 1, Commit: "landed", MergedBy: "vic", Base: "main"}
			for range 2 { // the second time it changes nothing
				check(t, s.RecordMerge(t.Context(), merge))
			}
			if attack.statement != "" {
				Exec(t, url, attack.statement)
			}
			report, err := Open(t, url, store.Options{Signer: signer, ReadOnly: true}).Verify(t.Context())
			var mismatch *ledger.Mismatch
			switch {
			case attack.statement == "" || name == "an old checkpoint gone": // a later one covers the same entries
				check(t, err)
				if diff := cmp.Diff(int64(5), report.Size); diff != "" {
					t.Error(diff)
				}
			case attack.index < 0:
				if !errors.Is(err, store.ErrLogMismatch) {
					t.Errorf("got %v", err)
				}
			case !errors.As(err, &mismatch) || mismatch.Index != attack.index:
				t.Errorf("wanted entry %d to be named, got %v", attack.index, err)
			}
		})
	}
}

// movedFor is the beginning of a statement that changes the times of a table's rows, of whichever kind they are.
func movedFor(url string) func(table string) string {
	return func(table string) string {
		if isPostgres(url) {
			return "UPDATE " + table + " SET time = time + interval '1 hour'"
		}
		return "UPDATE " + table + " SET time = time + 3600000000"
	}
}
