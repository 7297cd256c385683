//go:build !unix

package rules

import "time"

// processorTime cannot be told here.
func processorTime() (time.Duration, bool) { return 0, false }
