package document

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

const pointedSource = `variable "cidr" {}
resource "aws_security_group" "web" {
  name = "web" # 3
  ingress {
    from_port   = 443
    cidr_blocks = ["10.0.0.0/8"]
  }
  ingress {
    from_port   = "22" # 9
    cidr_blocks = ["10.0.0.0/8", "0.0.0.0/0"] # 10
  }
  dynamic "egress" { # 12
    for_each = var.cidr
    content {
      cidr_blocks = [egress.value] # 15
    }
  }
  tags = {
    Team        = "a"
    "example.io/x" = "b" # 20
  }
}
resource "aws_iam_policy" "p" { # 23
  policy = jsonencode({
    Statement = [
      { Effect = "Deny" },
      {
        Effect = "Allow"
        Action = "*" # 29
      }
    ]
  })
}
resource "x" "two" { # 34
  rule {
    port = var.a
  }
  rule {
    port = var.b
  }
}
`

func TestPointAtTerraform(t *testing.T) {
	t.Parallel()
	const web = `{"name":"web","tags":{"Team":"a","example.io/x":"b"},"egress":[{"cidr_blocks":["::/0"]}],"ingress":[
		{"from_port":22,"cidr_blocks":["0.0.0.0/0","10.0.0.0/8"]},{"from_port":443,"cidr_blocks":["10.0.0.0/8"]}]}`
	built := &Result{Documents: []gate.Document{
		{Kind: gate.KindTerraform, Resource: "aws_security_group.web", File: "main.tf", Line: 2, After: json.RawMessage(web)},
		{Kind: gate.KindTerraform, Resource: "x.two", File: "main.tf", Line: 34, After: json.RawMessage(`{"rule":[{"port":1},{"port":2}]}`)},
	}}
	cases := map[string]struct {
		resource, file, path string
		line, want           int
	}{
		"an attribute":                                      {"aws_security_group.web", "main.tf", "name", 2, 3},
		"the block that the plan has put first":             {"aws_security_group.web", "main.tf", "ingress[0].cidr_blocks", 2, 10},
		"the block of the other values":                     {"aws_security_group.web", "main.tf", "ingress[1].from_port", 2, 5},
		"an attribute that the block leaves out":            {"aws_security_group.web", "main.tf", "ingress[0].ipv6_cidr_blocks", 2, 8},
		"a dynamic block":                                   {"aws_security_group.web", "main.tf", "egress[0].cidr_blocks", 2, 15},
		"a block that the plan does not have":               {"aws_security_group.web", "main.tf", "ingress[2].cidr_blocks", 2, 2},
		"no block in particular":                            {"aws_security_group.web", "main.tf", "ingress", 2, 2},
		"a key":                                             {"aws_security_group.web", "main.tf", `tags["example.io/x"]`, 2, 20},
		"an attribute that the resource leaves out":         {"aws_security_group.web", "main.tf", "description", 2, 2},
		"text that jsonencode makes":                        {"aws_iam_policy.p", "main.tf", "policy.Statement[1].Action", 23, 29},
		"a place in it that is not there":                   {"aws_iam_policy.p", "main.tf", "policy.Statement[7].Action", 23, 25},
		"blocks that cannot be told apart":                  {"x.two", "main.tf", "rule[1].port", 34, 34},
		"no resource begins there":                          {"aws_security_group.web", "main.tf", "name", 4, 4},
		"a plan, not source":                                {"aws_security_group.web", "plan.json", "name", 2, 2},
		"a file that is gone":                               {"aws_security_group.web", "gone.tf", "name", 2, 2},
		"source that ends in the middle":                    {"aws_s3_bucket.b", "torn.tf", "bucket", 1, 2},
		"source nested deeper than anybody writes":          {"a.b", "deep.tf", "c", 1, 1},
		"an expression that would take the parser too deep": {"a.b", "run.tf", "c", 1, 1},
	}
	tree := MapTree{
		"main.tf": pointedSource, "plan.json": pointedSource,
		"torn.tf": "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"b\"\n  tags = {",
		"deep.tf": "resource \"a\" \"b\" {\n c = " + strings.Repeat("[", 100_000) + "\n}",
		"run.tf":  "resource \"a\" \"b\" {\n c = " + strings.Repeat("! ", 100_000) + "true\n}",
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := []gate.Finding{{Kind: gate.KindTerraform, Resource: c.resource, File: c.file, Line: c.line, Path: c.path}}
			if err := PointAt(context.Background(), tree, built, found); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, found[0].Line); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}
