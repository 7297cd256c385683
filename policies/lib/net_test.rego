package gatehouse.lib.net_test

import data.gatehouse.lib.net

test_world_alone if {
	every cidr in ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "0:0:0:0:0:0:0:0/0", "2000::/3", "8000::/1", "::ffff:0:0/96"] {
		net.world([cidr]) == {cidr}
	}
}

test_not_world if {
	every cidr in ["10.0.0.0/8", "fc00::/7", "fd00::/8", "203.0.113.0/24", "2001:db8::/32", "192.168.0.0/16", "fe80::/10", "not a range"] {
		net.world([cidr]) == set()
	}
}

test_world_in_pieces if {
	pieces := [sprintf("%d.0.0.0/8", [n]) | some n in [1, 2, 3, 4]]
	net.world(pieces) == {piece | some piece in pieces}
	net.world(["1.0.0.0/9", "2.0.0.0/9"]) == set()
	net.world(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]) == set()
}

test_protocols if {
	every protocol in ["tcp", "TCP", "6", 6, "-1", -1, "all", "*", "Any"] {
		net.carries(protocol, "tcp")
	}
	every protocol in ["udp", "icmp", "17", 1] {
		not net.carries(protocol, "tcp")
	}
	net.all_protocols("-1")
	not net.all_protocols("tcp")
}

test_ranges if {
	net.port_range(22) == [22, 22]
	net.port_range("22") == [22, 22]
	net.port_range("20-25") == [20, 25]
	net.port_range("*") == [0, 65535]
	net.in_range("20-25", 22)
	not net.in_range("23-25", 22)
}
