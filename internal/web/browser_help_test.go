package web

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// complaint is what a browser's event says went wrong, or "".
func complaint(event any) string {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		return fmt.Sprintf("%s %s:%d", e.ExceptionDetails.Text, e.ExceptionDetails.URL, e.ExceptionDetails.LineNumber)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			return fmt.Sprintf("%s %s", e.Entry.Text, e.Entry.URL)
		}
	}
	return ""
}

// signerAndKey is a new key of the log: what signs, and what checks.
func signerAndKey(t *testing.T) (store.Signer, string) {
	t.Helper()
	signer, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test.example")
	if err != nil {
		t.Fatal(err)
	}
	return store.Key(signer), signer.Verifier().String()
}

// newFixtureOn is newFixture with a log that a known key signs.
func newFixtureOn(t *testing.T, signer store.Signer, change func(*Options)) *fixture {
	t.Helper()
	url := storetest.SQLite(t)
	f := &fixture{t: t, now: noon, url: url}
	f.store = storetest.Open(t, url, store.Options{Signer: signer, Clock: func() time.Time { return f.now }})
	logger, hook := test.NewNullLogger()
	f.log = hook
	f.serve(logrus.NewEntry(logger), change)
	return f
}

// exec changes the record behind the program's back.
func (f *fixture) exec(statement string) { storetest.Exec(f.t, f.url, statement) }
