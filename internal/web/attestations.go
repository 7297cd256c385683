package web

import (
	"net/http"
	"regexp"
)

var commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// apiAttestation serves the signed statement that a commit landed with a passing decision, as it was signed.
func (s *site) apiAttestation(w http.ResponseWriter, r *http.Request) {
	commit := r.PathValue("commit")
	if !commitID.MatchString(commit) {
		s.fail(w, r, badParameter{"The commit must be a full id: 40 or 64 hexadecimal digits."})
		return
	}
	envelope, _, err := s.Store.Attestation(r.Context(), commit, r.URL.Query().Get("repository"), looking(r.Context()).scope)
	if s.failed(w, r, err) {
		return
	}
	w.Header().Set("Content-Type", "application/vnd.dsse.envelope.v1+json")
	_, _ = w.Write(envelope) // nobody is left to tell
}
