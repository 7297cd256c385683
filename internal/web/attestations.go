package web

import (
	"errors"
	"net/http"
	"regexp"

	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

var commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// apiAttestation serves the signed statement that a commit landed with a passing decision, as it was signed.
func (s *site) apiAttestation(w http.ResponseWriter, r *http.Request) {
	commit := r.PathValue("commit")
	if !commitID.MatchString(commit) {
		s.fail(w, r, badParameter{"The commit must be a full id: 40 or 64 hexadecimal digits."})
		return
	}
	repository, scope := r.URL.Query().Get("repository"), looking(r.Context()).scope
	envelope, _, err := s.Store.Attestation(r.Context(), commit, repository, scope)
	if errors.Is(err, store.ErrNotFound) {
		s.unattested(w, r, commit, repository, scope)
		return
	}
	if s.failed(w, r, err) {
		return
	}
	w.Header().Set("Content-Type", "application/vnd.dsse.envelope.v1+json")
	_, _ = w.Write(envelope) // nobody is left to tell
}

// unattested says how a commit landed that nobody attests, and which one is to be deployed instead.
func (s *site) unattested(w http.ResponseWriter, r *http.Request, commit, repository string, scope *store.Scope) {
	how, err := s.Store.Landing(r.Context(), commit, repository, scope)
	if errors.Is(err, store.ErrNotFound) {
		how = store.Landing{Commit: commit}
	} else if s.failed(w, r, err) {
		return
	}
	s.refuse(w, r, http.StatusNotFound, explain.Landed(how).Refusal())
}
