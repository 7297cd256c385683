// Package spelling finds the word that somebody meant.
package spelling

import "strings"

// Nearest is the known word that word can be turned into with the fewest letters changed, added or left out, at most within of them, in
// upper or lower case; "" when there is none. Of equally near ones it is the first.
func Nearest(word string, known []string, within int) string {
	best, distance := "", within+1
	for _, k := range known {
		if d := levenshtein(strings.ToLower(word), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// levenshtein is the distance of that name, in bytes.
func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
