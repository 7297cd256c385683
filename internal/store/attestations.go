package store

import (
	"context"
	"fmt"
)

// Attestation is Detail.what of the audit entry of type publication that names a commit's signed attestation: the entry's
// Commit is the one that landed, Detail.digest names the envelope.
const Attestation = "attestation"

// Attestation returns the signed envelope about a commit, the newest one of the repositories of the scope, and which repository
// it is about; [ErrNotFound] when there is none. repository, OWNER/NAME, may be "". The log is the index, so a row that somebody
// adds behind its back is not found.
func (s *Store) Attestation(ctx context.Context, commit, repository string, scope *Scope) (envelope []byte, of string, err error) {
	if commit == "" {
		return nil, "", fmt.Errorf("reading the attestation: %w", ErrNotFound)
	}
	filter := EntryFilter{Type: EntryPublication, Commit: commit, Repository: repository, Within: scope}
	for cursor := ""; ; {
		entries, next, err := s.Entries(ctx, filter, cursor, 100)
		if err != nil {
			return nil, "", fmt.Errorf("reading the attestation of %s: %w", commit, err)
		}
		for _, e := range entries {
			digest, _ := e.Detail["digest"].(string)
			if e.Detail["what"] != Attestation || digest == "" {
				continue
			}
			envelope, err := s.Facts(ctx, digest)
			return envelope, e.Repository, err
		}
		if cursor = next; next == "" {
			return nil, "", fmt.Errorf("reading the attestation of %s: %w", commit, ErrNotFound)
		}
	}
}
