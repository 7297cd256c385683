package people

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
)

func TestMain(m *testing.M) { site.Main(m) }

// place is a site with what the tests here do to it again and again.
type place struct{ *site.Site }

func newPlace(t *testing.T, in site.Setup) *place {
	t.Helper()
	return &place{site.New(t, in)}
}
