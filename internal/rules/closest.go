package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/spelling"
)

// suggest is the end of a sentence that names the known word nearest to a mistyped one, or all words when none is near and
// they are few.
func suggest(word string, known []string) string {
	best := spelling.Nearest(word, known, len(word)/3+1)
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %s?", best)
	case len(known) > 0 && len(known) <= 15:
		sorted := slices.Sorted(slices.Values(known))
		return "; known: " + strings.Join(sorted, ", ")
	}
	return ""
}
