package store_test

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// BenchmarkSearch is the time of searches in 100,000 decisions on 40,000 pull requests, with ten resources each: for what one decision
// has, what many have, and what all have.
func BenchmarkSearch(b *testing.B) {
	url := storetest.SQLite(b)
	s := storetest.Open(b, url, store.Options{})
	r := storetest.SampleRecord("d0", 1, "head")
	if _, err := s.Record(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
	storetest.Exec(b, url, numbers+`INSERT INTO decisions SELECT i, 'd' || i, i % 20, 'acme/r' || (i % 20), i % 2000, title, author, approvers, base,
		'h' || i, verdict, time + i, facts_digest, policy_digest, decision FROM n, decisions WHERE log_index = 0`)
	storetest.Exec(b, url, numbers+`INSERT INTO decision_resources
		SELECT CASE k WHEN 0 THEN 'aws_db_instance.only' || i ELSE 'aws_instance.web' || ((i * 7 + k * 13) % 5000) || '[' || k || ']' END, i, '["update"]'
		FROM n, (SELECT 0 AS k UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)
		WHERE true ON CONFLICT DO NOTHING`)
	storetest.Exec(b, url, numbers+`INSERT INTO decision_terms SELECT 'file', 'infra/' || (i % 300) || '/main.tf', i, 1 FROM n WHERE true ON CONFLICT DO NOTHING`)
	storetest.Exec(b, url, numbers+`INSERT INTO decision_terms SELECT 'person', 'p' || (i % 97), i, 1 FROM n WHERE true ON CONFLICT DO NOTHING`)
	storetest.Exec(b, url, numbers+`INSERT INTO decision_terms SELECT 'rule', 'im-0' || (i % 9), i, 1 FROM n WHERE true ON CONFLICT DO NOTHING`)
	storetest.Exec(b, url, numbers+`INSERT INTO decision_terms SELECT 'commit', printf('%040x', i * 7919), i, 1 FROM n WHERE true ON CONFLICT DO NOTHING`)
	storetest.Exec(b, url, `INSERT INTO decision_names SELECT 'sg-' || (log_index % 5000) || '-' || length(resource), log_index, resource
		FROM decision_resources WHERE true ON CONFLICT DO NOTHING`)
	for name, pattern := range map[string]string{
		"cloud-id": "sg-4711-18", "cloud-ids": "sg-47*", "no-cloud-id": "*-nowhere", "person": "p42", "rule": "im-03", "file": "infra/47/main.tf", "commit": "000000000000000000000000000000000000*",
		"one": "aws_db_instance.only4711", "few": "aws_instance.web47*", "most": "aws_instance.*", "all": "aws_*", "ending": "*[3]", "nothing": "google_*", "everything": "*",
	} {
		b.Run("who/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.Who(b.Context(), pattern, "", 100); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("find/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.Find(b.Context(), store.FindFilter{Pattern: pattern}, "", 25); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
