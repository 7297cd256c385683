# METADATA
# title: Addresses of repositories
# description: One spelling for the many ways to write where a repository is, and the parts of a Terraform module source.
package gatehouse.lib.repositories

# METADATA
# description: "host/path in lower case for https, ssh and scp-like addresses, without .git: github.com/acme/infra."
plain(url) := regex.replace(
	regex.replace(
		regex.replace(lower(trim_space(url)), `^([a-z+]+://)?([^@/]*@)?`, ""),
		`^([^/:]+):([0-9]+/)?`,
		"$1/",
	),
	`(\.git)?/*$`,
	"",
)

# METADATA
# description: True when the address is one of the patterns, in which * is a wildcard.
listed(url, patterns) if {
	some pattern in patterns
	glob.match(plain(pattern), null, plain(url))
}
