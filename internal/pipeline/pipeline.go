// Package pipeline is the straight line: a pull request's key goes in, facts are gathered, a decision is made, recorded and
// published. It declares the small interfaces that it consumes; the cli wires the real things in, tests may wire fakes.
//
// The order of writes is the crash story. A webhook is answered when its work is durable. A decision, its facts, its audit
// entry and the work to publish it become durable together or not at all. Publishing is idempotent and is repeated until
// GitHub has it. So a crash at any point loses nothing and repeats at most a read or an idempotent write.
package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/plans"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// Forge gives access to one repository on GitHub, as the App's installation there.
type Forge interface {
	Repo(installationID int64, owner, name string) *forge.Repo
	Repositories(ctx context.Context, installationID int64) ([]gate.Repository, error)
	ForgetPeople(account string)
}

// Mirror reads a repository's git data.
type Mirror interface {
	Resolve(ctx context.Context, repo gitmirror.Repo, token gitmirror.TokenSource, ref string) (string, error)
	Sync(ctx context.Context, repo gitmirror.Repo, token gitmirror.TokenSource, wants []gitmirror.Want) error
	MergeBase(ctx context.Context, repo gitmirror.Repo, a, b string) (string, error)
	Commits(ctx context.Context, repo gitmirror.Repo, base, head string) ([]gitmirror.Commit, error)
	Diff(ctx context.Context, repo gitmirror.Repo, base, head string) ([]gitmirror.FileChange, error)
	Tree(ctx context.Context, repo gitmirror.Repo, commit string) (*gitmirror.Tree, error)
	Blobs(ctx context.Context, repo gitmirror.Repo, shas []string, limits gitmirror.Limits) (map[string][]byte, error)
	MergeFile(ctx context.Context, ancestor, ours, theirs []byte) (merged []byte, clean bool, err error)
}

// Keys are the log's keys, which may be rotated while the program runs.
type Keys interface {
	Signer() *ledger.Signer       // of the present
	Verifiers() []ledger.Verifier // the older ones too: they check attestations
}

// Recorder keeps decisions where nobody can rewrite them.
type Recorder interface {
	Record(ctx context.Context, r store.Record) (store.Position, error)
	Append(ctx context.Context, entries []store.Entry, works ...store.Work) (store.Position, error)
	Enqueue(ctx context.Context, works ...store.Work) error
	Checkpoint(ctx context.Context) (store.Position, error)
	Decision(ctx context.Context, id string) (store.Decision, error)
	Latest(ctx context.Context, repositoryID int64, number int) (store.Decision, error)
	LatestForHead(ctx context.Context, repositoryID int64, head string) ([]store.Decision, error)
	Facts(ctx context.Context, digest string) ([]byte, error)
	Changes(ctx context.Context, logIndex int64) ([]byte, error)
	Decisions(ctx context.Context, f store.DecisionFilter, cursor string, limit int) ([]store.Decision, string, error)
}

// Notes are the small durable facts around a decision.
type Notes interface {
	Publication(ctx context.Context, repositoryID int64, number int, head string) (store.Publication, error)
	SavePublication(ctx context.Context, p store.Publication, entries ...store.Entry) error
	Comment(ctx context.Context, repositoryID int64, number int) (store.Comment, error)
	SaveComment(ctx context.Context, c store.Comment) error
	RecordMerge(ctx context.Context, m store.Merge) error
	Pushers(ctx context.Context, repositoryID int64, sha string) ([]string, error)
	SetMeta(ctx context.Context, key, value string) error
	Meta(ctx context.Context, key string) (string, error)
}

// Options are what a Pipeline is made of.
type Options struct {
	Forge     Forge
	Mirror    Mirror
	Recorder  Recorder
	Notes     Notes
	Told      Told
	Ledger    Ledger
	Leases    Leases
	Judges    *judge.Judges
	Bundles   Bundles
	Rules     func() []rules.Rule // the built-in ones, to be explained
	Texts     Texts
	Plans     plans.Store
	PlanLimit int64 // bytes of the largest plan; 0: plans.DefaultLimit
	Clock     func() time.Time
	Log       *logrus.Entry
	PublicURL string // of this server, for links
	ServerURL string // of GitHub, for links
	Metrics   Metrics
	Keys      Keys  // of the log, which sign attestations; nil: none are made
	Blobs     Blobs // keeps them

	AppID    int64 // of the gate's own App
	Hooks    Hooks
	Postures Postures
	Trail    Trail
}

// Blobs keeps contents under their digest.
type Blobs interface {
	SaveBlob(ctx context.Context, content []byte) (digest string, err error)
}

// Metrics counts what operators watch.
type Metrics interface {
	Decided(verdict gate.Verdict, took time.Duration)
	Published(what, outcome string)
	Bypassed()
	BrokeGlass(outcome string)
}

// Pipeline carries out the works that webhooks leave behind.
type Pipeline struct {
	Options
	backtests backtests
	texts     textCache
}

// New makes a pipeline.
func New(o Options) *Pipeline { return &Pipeline{Options: o} }

// Handlers maps each kind of work to what carries it out.
func (p *Pipeline) Handlers() map[string]store.Handler {
	return map[string]store.Handler{
		work.KindEvaluate: handler(p, orTell(p, p.evaluate, ofEvaluation)),
		work.KindCheck:    handler(p, orTell(p, p.postCheck, ofPublication)),
		work.KindComment:  handler(p, p.postComment),
		work.KindSweep:    handler(p, orTell(p, p.sweep, ofSweep)),
		work.KindCommand:  handler(p, p.command),
		work.KindMerged:   handler(p, p.merged),
		work.KindExpire:   handler(p, p.expire),
		work.KindRemark:   handler(p, p.remark),
		work.KindRequest:  handler(p, p.requestReviews),
		work.KindPosture:  handler(p, p.posture),
		work.KindDeploy:   handler(p, p.deploy),
		work.KindAnswer:   handler(p, p.answerDeployment),
	}
}

// handler decodes a work's arguments. Arguments that cannot be decoded are a bug of ours, and no retry mends them. Nor does one bring an
// installation back: who installs the App again gets another one, and when one is no longer suspended, an event has all of it looked at.
func handler[Args any](p *Pipeline, do func(ctx context.Context, args Args, attempt int) error) store.Handler {
	return func(ctx context.Context, w store.Work, attempt int) error {
		var args Args
		if err := json.Unmarshal(w.Args, &args); err != nil {
			return store.Permanent{Err: fmt.Errorf("read the arguments of %s %s: %w", w.Kind, w.Key, err)}
		}
		err := do(ctx, args, attempt)
		if in, ok := any(args).(interface{ Where() work.Target }); ok && attempt >= patience && p.removed(ctx, in.Where(), err) {
			return store.Permanent{Err: fmt.Errorf("the App is not installed there any more, or is suspended, and then all is looked at when that ends: %w", err)}
		}
		return err
	}
}
