# METADATA
# title: Networks and ports
# description: What counts as the whole internet, written in one range or in many, and which ports a rule covers.
package gatehouse.lib.net

# METADATA
# description: >-
#   The members of a list of CIDR ranges that open something to the world. One range is the world when it is
#   larger than any that a private network uses: an IPv4 prefix shorter than 8 bits, an IPv6 one shorter than 16
#   outside the unique-local, link-local and multicast space. Smaller public ranges count when together they
#   cover as much as an IPv4 /7, so that the world cannot be opened in pieces.
world(cidrs) := ranges if {
	ranges := {cidr | some cidr in cidrs; is_world(cidr)}
	count(ranges) > 0
} else := pieces if {
	count(cidrs) > 1
	pieces := {cidr | some cidr in cidrs; _public_ipv4(cidr)}
	count(pieces) > 1
	sum([_size(cidr) | some cidr in pieces]) >= 33554432
} else := set()

# METADATA
# description: True for one range that is the world by itself, IPv4 or IPv6.
is_world(cidr) if {
	regex.match(`/0*[0-7]$`, cidr)
	not _local_ipv6(cidr)
}

is_world(cidr) if {
	contains(cidr, ":")
	regex.match(`/0*([89]|1[0-5])$`, cidr)
	not _local_ipv6(cidr)
}

# Every IPv4 address, as IPv6 writes it.
is_world(cidr) if {
	contains(cidr, ":")
	regex.match(`(?i)^(0*:)*:?ffff:(0*:0*|0\.0\.0\.0)/(9[6-9]|10[0-3])$`, cidr)
}

_local_ipv6(cidr) if regex.match(`(?i)^f[cdf][0-9a-f]{2}:.*/([7-9]|1[0-5])$`, cidr)

_local_ipv6(cidr) if regex.match(`(?i)^fe[89ab][0-9a-f]:`, cidr)

# Ranges so small that hundreds of them would be needed are not counted.
_public_ipv4(cidr) if {
	regex.match(`^[0-9.]+/([89]|1[0-9])$`, cidr)
	not regex.match(`^(0*10|127)\.|^192\.168\.|^172\.(1[6-9]|2[0-9]|3[01])\.|^169\.254\.|^100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.`, cidr)
}

# How many addresses a range of prefix 8 to 19 holds.
_size(cidr) := bits.lsh(1, 32 - to_number(split(cidr, "/")[1]))

# METADATA
# description: >-
#   True when protocol, as AWS, Google, Azure and the IANA numbers spell it, carries the transport "tcp" or "udp".
carries(protocol, transport) if lower(sprintf("%v", [protocol])) in _spellings[transport]

_spellings := {
	"tcp": {"tcp", "6", "-1", "all", "*", "any"},
	"udp": {"udp", "17", "-1", "all", "*", "any"},
}

# METADATA
# description: True when protocol means every protocol, in which case a port range has no effect.
all_protocols(protocol) if lower(sprintf("%v", [protocol])) in {"-1", "all", "*", "any"}

# METADATA
# description: >-
#   Lowest and highest port of a range written as a number, "22", "20-25" or "*".
port_range(value) := [value, value] if {
	is_number(value)
} else := [0, 65535] if {
	lower(trim_space(value)) in {"*", "any", ""}
} else := [to_number(trim_space(low)), to_number(trim_space(high))] if {
	[low, high] := split(value, "-")
} else := [port, port] if {
	port := to_number(trim_space(value))
}

# METADATA
# description: True when the range, as port_range takes it, contains the port.
in_range(value, port) if {
	[low, high] := port_range(value)
	low <= port
	port <= high
}
