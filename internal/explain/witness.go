package explain

import (
	"regexp"
	"strconv"
	"strings"
)

// Witness is what the end of a check run's or a comment's text says of the audit log: GitHub's copy of it.
type Witness struct {
	Decision string // id
	Index    int64  // of the decision's entry
	Size     int64  // of the tree when the text was written
	Root     string // of that tree, base64
}

var (
	footer     = regexp.MustCompile(`<sub>([^\n]*)</sub>\s*$`)
	footerID   = regexp.MustCompile("^Decision \\[?`(d-[0-9a-f]{12})`")
	footerTree = regexp.MustCompile("(?:^| · )log entry ([0-9]{1,15}) of ([0-9]{1,15}), root `([A-Za-z0-9+/]{43}=)`(?: · |$)")
)

// ReadWitness finds the witness at the end of a text that [Check] or [Comment] has written; false when it has none. Only the last
// line counts: what stands above it may come from the pull request.
func ReadWitness(text string) (Witness, bool) {
	line := footer.FindStringSubmatch(strings.ReplaceAll(text, "\r\n", "\n"))
	if line == nil {
		return Witness{}, false
	}
	id, tree := footerID.FindStringSubmatch(line[1]), footerTree.FindStringSubmatch(line[1])
	if id == nil || tree == nil {
		return Witness{}, false
	}
	index, errIndex := strconv.ParseInt(tree[1], 10, 64)
	size, errSize := strconv.ParseInt(tree[2], 10, 64)
	if errIndex != nil || errSize != nil || index >= size {
		return Witness{}, false
	}
	return Witness{Decision: id[1], Index: index, Size: size, Root: tree[3]}, true
}
