package gatehouse.lib.repositories_test

import data.gatehouse.lib.repositories

test_one_spelling if {
	every url in [
		"https://github.com/acme/infra", "https://github.com/acme/infra.git", "https://github.com/Acme/Infra/",
		"git@github.com:acme/infra.git", "ssh://git@github.com/acme/infra", "ssh://git@github.com:22/acme/infra.git",
		"https://x:token@github.com/acme/infra", "github.com/acme/infra",
	] {
		repositories.plain(url) == "github.com/acme/infra"
	}
}

test_listed if {
	repositories.listed("git@github.com:acme/infra.git", ["https://github.com/acme/*"])
	repositories.listed("oci://ghcr.io/acme/app", ["ghcr.io/acme/app"])
}

test_not_listed if {
	every url in [
		"https://github.com/acme-evil/infra", "https://github.com.evil.org/acme/infra", "https://evil.org/github.com/acme/infra",
		"https://github.com@evil.org/acme/infra", "",
	] {
		not repositories.listed(url, ["github.com/acme/*"])
	}
}
