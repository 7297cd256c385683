package judge_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheServerReadsNothingOfStrangers: the rooms that the server runs name no function that reads or judges what a pull request wrote.
// [judge.Judges] has all of it done by worker processes.
func TestTheServerReadsNothingOfStrangers(t *testing.T) {
	t.Parallel()
	forbidden := map[string]bool{
		"document.Build": true, "document.Touched": true, "document.PointAt": true, "document.NewRedactor": true, "rules.RunTests": true,
		"rules.Lint": true, "formats.New": true, "formats.With": true, "render.New": true, "render.With": true, "attest.Sets": true,
		"diff.Of": true, "evidence.Pack": true, "judge.Judge": true, "judge.NewWorker": true,
	}
	looked := 0
	for _, room := range []string{"pipeline", "plans", "web", "webhook", "forge", "store"} {
		files, err := filepath.Glob("../" + room + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				looked++
				if room, ok := selector.X.(*ast.Ident); ok && forbidden[room.Name+"."+selector.Sel.Name] {
					t.Errorf("%s names %s.%s", name, room.Name, selector.Sel.Name)
				}
				return true
			})
		}
	}
	if looked < 1000 {
		t.Errorf("only %d names were looked at", looked)
	}
}
