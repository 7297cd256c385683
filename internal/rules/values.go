package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// maxDepth is how deep a value may nest: far beyond real documents, far below what endangers a stack.
const maxDepth = 200

// normalize turns what YAML and JSON decoders produce into one form: nil, bool, json.Number, string, []any, map[string]any.
// Values of one form compare and digest the same wherever they were written.
func normalize(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nests deeper than %d levels", maxDepth)
	}
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case json.Number:
		if _, err := v.Float64(); err != nil {
			return nil, fmt.Errorf("has %q, which is no number", string(v))
		}
		return v, nil
	case int:
		return json.Number(strconv.Itoa(v)), nil
	case int64:
		return json.Number(strconv.FormatInt(v, 10)), nil
	case uint64:
		return json.Number(strconv.FormatUint(v, 10)), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("has a number that JSON cannot write")
		}
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return json.Number(strconv.FormatInt(int64(v), 10)), nil
		}
		return json.Number(strconv.FormatFloat(v, 'g', -1, 64)), nil
	case time.Time:
		return nil, errors.New("has a bare date: put it in quotes")
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			n, err := normalize(item, depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = n
		}
		return list, nil
	case []string:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = item
		}
		return list, nil
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			n, err := normalize(item, depth+1)
			if err != nil {
				return nil, err
			}
			m[key] = n
		}
		return m, nil
	}
	return nil, fmt.Errorf("has a value of a kind that JSON does not have (%T)", v)
}

// typeName says what a normalized value is, for people.
func typeName(v any) string {
	switch v.(type) {
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return "nothing"
}
