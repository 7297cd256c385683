package proof

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// Every metric that the Grafana dashboard asks for is one that the server has, with the labels that it asks for.
func TestGrafanaDashboard(t *testing.T) {
	text, err := os.ReadFile(site.Root + "/docs/grafana/gatehouse.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title      string
			Type       string
			Datasource struct{ Type string }
			Targets    []struct{ Expr string }
			GridPos    struct{ X, Y, W, H int }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	s := newPlace(t, site.Setup{NoServer: true, Permissions: map[string]string{}})
	s.More = []string{"GATEHOUSE_AUDIT_STDOUT=true"}
	s.Start()
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Comment("ann", "/gatehouse break-glass it burns")
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	s.Settle()
	resp, err := http.Get(s.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string][]string{} // by metric
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)(?:\{([^}]*)\})? `).FindAllStringSubmatch(string(metrics), -1) {
		for _, l := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(m[2], -1) {
			labels[m[1]] = append(labels[m[1]], l[1])
		}
		labels[m[1]] = append(labels[m[1]], "job", "instance") // Prometheus' own
	}
	name := regexp.MustCompile(`(?:sum|max|min|avg) by \(([a-z_, ]+)\)|\b((?:gatehouse|go|process)_[a-z_]+)(?:\{([^}]*)\})?`)
	asked := 0
	for _, p := range dashboard.Panels {
		if p.Type == "row" || p.Datasource.Type != "prometheus" {
			continue
		}
		if len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("the panel %q shows nothing, or is too wide", p.Title)
		}
		for _, target := range p.Targets {
			var want, have []string
			for _, m := range name.FindAllStringSubmatch(target.Expr, -1) {
				if m[2] == "" {
					want = append(want, strings.Split(m[1], ", ")...)
					continue
				}
				asked++
				for _, l := range regexp.MustCompile(`([a-z_]+)=`).FindAllStringSubmatch(m[3], -1) {
					want = append(want, l[1])
				}
				if have = labels[m[2]]; have == nil {
					t.Errorf("the panel %q asks for the metric %s, which the server does not have", p.Title, m[2])
				}
			}
			for _, l := range want {
				if !slices.Contains(have, l) {
					t.Errorf("the panel %q asks for the label %q in %s; there is %q", p.Title, l, target.Expr, have)
				}
			}
		}
	}
	if asked < 12 {
		t.Errorf("the test has found %d metrics only; does it still read the file?", asked)
	}
}
