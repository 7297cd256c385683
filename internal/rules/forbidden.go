package rules

import (
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
)

// forbidden are the builtins that no rule may call, and what they would bring in. A decision must come out the same when it is
// decided again, on another machine, a year later, and a rule must not carry anything out.
func forbidden() map[string]string {
	const files = "files"
	const network, clock, random, environment, output = "the network", "the clock", "randomness", "the environment", "output"
	return map[string]string{
		"http.send":              network,
		"external_data":          network, // Gatekeeper's own: it asks a provider in the cluster
		"net.lookup_ip_addr":     network,
		"json.match_schema":      network, // a $ref in a schema is fetched
		"json.verify_schema":     network,
		"opa.runtime":            environment,
		"time.now_ns":            clock,
		"io.jwt.decode_verify":   clock, // compares exp and nbf with now
		"providers.aws.sign_req": clock,
		"crypto.x509.parse_and_verify_certificates":              clock, // validity, and the machine's roots
		"crypto.x509.parse_and_verify_certificates_with_options": clock,
		"rand.intn":              random,
		"uuid.rfc4122":           random,
		"io.jwt.encode_sign":     random,
		"io.jwt.encode_sign_raw": random,
		"trace":                  output,
		"print":                  output,
		"internal.print":         output,
		"internal.test_case":     output,
		parseConfigFile:          files, // conftest's own, for unit tests
		parseCombinedFiles:       files,
		"rego.parse_module":      "policies made while judging",
	}
}

// parsing is what the parser knows of the language: always the same, and worth a third of the time that a small file takes.
var parsing = sync.OnceValue(func() *ast.Capabilities {
	return ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(ast.RegoV1))
})

// capabilities are OPA's without what is forbidden, and without leave to fetch anything.
func capabilities() *ast.Capabilities {
	names := forbidden()
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool { return names[b.Name] != "" || b.Nondeterministic })
	c.AllowNet = []string{}
	return c
}
