package document

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Examples makes the documents of a rule's example: of its files before and after the change, and of the start-up scripts in its
// planned resources, which come out again in front. The error says what about the files cannot be read.
func Examples(ctx context.Context, head, base map[string]string, planned []gate.Document) ([]gate.Document, error) {
	var before Tree
	if len(base) > 0 {
		before = MapTree(base)
	}
	docs := append(slices.Clone(planned), CloudInit(planned)...)
	built := Build(ctx, MapTree(head), before, Options{Redactor: NewRedactor(nil)})
	if len(built.Problems) > 0 {
		return nil, errors.New(built.Problems[0].String())
	}
	return append(docs, built.Documents...), nil
}
