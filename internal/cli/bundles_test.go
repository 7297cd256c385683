package cli

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

func TestAWrongRuleIsNoOutage(t *testing.T) {
	t.Parallel()
	if isOutage(gate.Problem{Code: "rules"}) {
		t.Error("the rules that are wrong are the user's")
	}
}
