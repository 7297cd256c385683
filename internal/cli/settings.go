package cli

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gatehouse-dev/gatehouse/internal/config"
)

// settingFlags gives every server setting a flag of its variable's name, and returns what reads those that were set. Case and
// the kind of dash do not matter: --GITHUB_API_URL is --github-api-url.
func settingFlags(flags *pflag.FlagSet) func(*pflag.FlagSet) map[string]string {
	variable := map[string]string{}
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(flagName(name))
	})
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
			usage += "; better the variable: a command line is seen by everybody on the machine"
		}
		variable[flagName(name)] = name
		flags.String(flagName(name), field.Tag.Get("envDefault"), usage)
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

func flagName(variable string) string {
	return strings.ToLower(strings.ReplaceAll(variable, "_", "-"))
}
