package plans

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Taker takes plans out of artifacts.
type Taker struct {
	Store  Store
	Reader Reader
	Limit  int64 // bytes of the largest plan
}

// Found is an artifact, and what is known of where it is from.
type Found struct {
	Repository   string // owner/name
	RepositoryID int64
	PullRequest  int
	Head         string // commit that its run was on
	Workflow     string // file of the run's workflow
	Run          int64
	Artifact     int64
	Name         string
}

// Take reads the plans of an artifact's archive and records each of them; or, where the archive or a plan in it cannot be read,
// that it was refused, and why. read gives the archive; an error of it that is a BadArchive is such a reason, any other is
// returned. An artifact is taken once: doing it again changes nothing.
func (t Taker) Take(ctx context.Context, f Found, read func() ([]byte, error)) error {
	about := Record{
		Source: document.SourceArtifact, RepositoryID: f.RepositoryID, Workflow: f.Workflow, Run: f.Run, Artifact: f.Artifact, Name: f.Name,
		Verdict: Accepted,
	}
	about.Claims.Actor = "github-actions[bot]"
	var entries []store.Entry
	add := func(r Record) error {
		entry, err := r.entry(f.Repository, f.Head, f.PullRequest, f.RepositoryID, "artifact", f.Artifact, r.File)
		entries = append(entries, entry)
		return err
	}
	archive, err := read()
	if err == nil {
		err = Archive(archive, Limits(t.Limit), func(file string, plan []byte) error {
			r := about
			r.File, r.Digest, r.Bytes = file, ledger.Digest(plan), len(plan)
			kept, problem, err := t.Reader.Plan(ctx, f.RepositoryID, plan, file, document.Limits{Plan: t.Limit})
			if err != nil {
				return fmt.Errorf("read a plan of artifact %d: %w", f.Artifact, err)
			}
			if problem != nil {
				return bad("holds %q, which %s", gate.Shorten(gate.Printable(file), 200), problem.Message)
			}
			if int64(len(kept)) > KeptLimit(t.Limit) {
				return bad("holds %q, which is larger without its secrets than the limit of %d bytes", gate.Shorten(gate.Printable(file), 200), KeptLimit(t.Limit))
			}
			if r.Kept, err = t.Store.SaveBlob(ctx, kept); err != nil {
				return fmt.Errorf("keep a plan of artifact %d: %w", f.Artifact, err)
			}
			return add(r)
		})
	}
	if err == nil && len(entries) == 0 {
		err = bad("holds no plan: there is no .json file in it")
	}
	var unreadable BadArchive
	switch {
	case errors.As(err, &unreadable):
		entries = nil
		about.Verdict, about.Reason = Refused, unreadable.Message
		if err := add(about); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	if _, err := t.Store.Append(ctx, entries); err != nil {
		return fmt.Errorf("record artifact %d: %w", f.Artifact, err)
	}
	return nil
}
