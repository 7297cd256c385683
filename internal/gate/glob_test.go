package gate

import "testing"

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"infra/prod/**", "infra/prod/main.tf", true},
		{"infra/prod/**", "infra/prod/a/b/main.tf", true},
		{"infra/prod/**", "infra/prod", false},
		{"infra/prod/**", "infra/production/main.tf", false},
		{"**/*.tfplan.json", "a.tfplan.json", true},
		{"**/*.tfplan.json", "x/y/a.tfplan.json", true},
		{"**/*.tfplan.json", "x/y/a.json", false},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a/**/b", "a/xb", false},
		{"k8s/*", "k8s/web.yaml", true},
		{"k8s/*", "k8s/a/web.yaml", false},
		{"**", "", true},
		{"**", "a/b", true},
		{"", "", true},
		{"", "a", false},
		{"aws_db_instance.*", "aws_db_instance.main[0]", true},
		{"aws_db_instance.main[0]", "aws_db_instance.main[0]", true},
		{`aws_db_instance.main["a/b"]`, `aws_db_instance.main["a/b"]`, true},
		{"v1/Service/*/web", "v1/Service/shop/web", true},
		{"v1/Service/*/web", "v1/Service/a/b/web", false},
		{"?.tf", "a.tf", true},
		{"?.tf", "/.tf", false},
		{"a**b", "a/x/b", true},
		{"*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	} {
		if got := Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}
