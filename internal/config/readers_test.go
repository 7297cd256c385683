package config_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/config"
)

func TestReaders(t *testing.T) {
	t.Parallel()
	pemKey := key(t)
	for value, want := range map[string]any{
		"":                          []string(nil),
		"acme/dba, @mei ,acme/ops,": []string{"acme/dba", "mei", "acme/ops"},
		",":                         `GATEHOUSE_READERS names nobody; leave it out for the members of the installation's organisation`,
		"acme/":                     `GATEHOUSE_READERS holds "acme/"; wanted: teams as org/team, and logins, separated by commas`,
		"acme/a/b":                  `GATEHOUSE_READERS holds "acme/a/b"; wanted: teams as org/team, and logins, separated by commas`,
		"mei sam":                   `GATEHOUSE_READERS holds "mei sam"; wanted: teams as org/team, and logins, separated by commas`,
	} {
		s, err := config.Load([]string{
			"GITHUB_APP_ID=1", "GITHUB_APP_PRIVATE_KEY=" + pemKey, "GITHUB_WEBHOOK_SECRET=s", "GATEHOUSE_DATA_DIR=/data", "GATEHOUSE_READERS=" + value,
		}, nil)
		var wrong *config.Error
		var got any
		switch {
		case errors.As(err, &wrong):
			got = wrong.Problems[0]
		case err != nil:
			t.Fatal(err)
		default:
			got = s.ReaderList
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", value, diff)
		}
	}
}
