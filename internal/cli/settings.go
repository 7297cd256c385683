package cli

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gatehouse-dev/gatehouse/internal/config"
)

// settingFlags gives every server setting a flag of its variable's name (GITHUB_API_URL: --github-api-url), and returns what
// reads those that were set. Secrets have none: a command line is seen by every process of the machine.
func settingFlags(flags *pflag.FlagSet) func(*pflag.FlagSet) map[string]string {
	variable := map[string]string{}
	t := reflect.TypeFor[config.Server]()
	for i := range t.NumField() {
		field := t.Field(i)
		name := field.Tag.Get("env")
		if name == "" || name == "-" {
			continue
		}
		usage := fmt.Sprintf("%s (%s)", field.Tag.Get("desc"), name)
		switch name {
		case "GITHUB_APP_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET", "GITHUB_CLIENT_SECRET":
			continue
		}
		flag := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		variable[flag] = name
		flags.String(flag, field.Tag.Get("envDefault"), usage)
	}
	return func(flags *pflag.FlagSet) map[string]string {
		set := map[string]string{}
		flags.Visit(func(f *pflag.Flag) {
			if name, ok := variable[f.Name]; ok {
				set[name] = f.Value.String()
			}
		})
		return set
	}
}
