package document

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

func TestCloudNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, of, before, after string
		want                    []string
	}{
		"both sides": {gate.KindTerraform, "aws_security_group", `{"id":"sg-1","arn":"arn:aws:ec2:eu-central-1:1:security-group/sg-1","name":"web","vpc_id":"vpc-1"}`,
			`{"name":"web-2","tags":{"Name":"front","team":"shop"}}`, []string{"arn:aws:ec2:eu-central-1:1:security-group/sg-1", "front", "sg-1", "web", "web-2"}},
		"its own name by its type": {gate.KindTerraform, "aws_lambda_function", `{}`, `{"function_name":"mail","role_name":"not its own"}`, []string{"mail"}},
		"an identifier":            {gate.KindTerraform, "aws_rds_cluster", `null`, `{"cluster_identifier":"prod","db_subnet_group_name":"not its own"}`, []string{"prod"}},
		"an account":               {gate.KindTerraform, "google_service_account", ``, `{"account_id":"robot","project":"p"}`, []string{"robot"}},
		"a secret, a number, text without end": {gate.KindTerraform, "x_y", ``,
			`{"name":"token:0123","id":17,"arn":"` + strings.Repeat("a", 301) + `","bucket":null,"tags":"none"}`, nil},
		"an object": {gate.KindKubernetes, "Pod", ``, `{"name":"web"}`, nil},
	} {
		got := cloudNames(&gate.Document{Kind: c.kind, Type: c.of, Before: json.RawMessage(c.before), After: json.RawMessage(c.after)})
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
