# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# FULLNAT on a host that does other things too: conntrack and masquerading, its
# own firewall, reverse path filter, policy routing, packet steering, and
# programs of its own on the same addresses.
# timeout: 240

setup_lab
serve_everywhere
for family in 4 6; do
	fullnat_service -t $family 8080
	fullnat_service -t $family 80
	fullnat_service -u $family 53
done

# works NAME: both families and protocols, with fragments and bulk.
works() {
	local family
	for family in 4 6; do
		check "$1: IPv$family TCP" in_ns "$client" labnet fetch -parallel 3 -size 50K "http://$(svc $family 8080)"
		check "$1: IPv$family UDP" in_ns "$client" labnet udp-echo -flows 2 -size 4000 "$(svc $family 53)"
	done
}

# Connection tracking and masquerading for everything that leaves.
in_ns "$director" nft -f - <<-END
	table inet host {
		chain input { type filter hook input priority filter; ct state invalid counter drop; ct state established accept; }
		chain output { type filter hook output priority filter; ct state invalid counter drop; }
		chain forward { type filter hook forward priority filter; ct state invalid counter drop; }
		chain postrouting { type nat hook postrouting priority srcnat; counter masquerade; }
		chain prerouting { type nat hook prerouting priority dstnat; tcp dport 1 redirect; }
	}
END
works "with conntrack and masquerade"
expect_match "the peer is the local address, nothing of the host's" "peer=$lip4:" "$(web 4)"
tracked=$(in_ns "$director" conntrack -L 2>/dev/null; in_ns "$director" conntrack -L -f ipv6 2>/dev/null)
expect_no_match "conntrack has nothing of the wire to the real servers" "src=($(regex "$lip4")|$(regex "$lip6")) .*dport=(8080|80|53) " "$tracked"
expect_no_match "nor of the answers" "src=($(regex "$rs1_ip4")|$(regex "$rs2_ip4")|$(regex "$rs1_ip6")|$(regex "$rs2_ip6")) " "$tracked"
expect_no_match "nor of the client" "src=$(regex "$client_ip4") .*dport=(8080|80|53) " "$tracked"
in_ns "$director" nft delete table inet host

# The host's own rules are honoured.
in_ns "$director" nft -f - <<-END
	table inet filter {
		chain input { type filter hook input priority filter - 1; tcp dport 80 counter drop; }
	}
END
check_fails "a rule of INPUT drops what is for the service" in_ns "$client" labnet conns -n 1 -timeout 300ms "$vip4:80"
check "and nothing else" in_ns "$client" labnet fetch -size 1K "http://$vip4:8080"
in_ns "$director" nft delete table inet filter
in_ns "$director" nft -f - <<-END
	table inet filter {
		chain output { type filter hook output priority filter; ip daddr $rs1_ip4 tcp dport 80 counter drop; }
	}
END
expect_eq "a rule of OUTPUT drops what is for a real server" "rs2" \
	"$(in_ns "$client" labnet conns -n 2 -timeout $((2 * LAB_SLOW))s -request "$vip4:80" | grep -o 'rs[12]')"
in_ns "$director" nft delete table inet filter
poll_until 5 "without the rules it serves" web 4

# Reverse path filter, strict everywhere; local addresses pass it.
set_sysctl "$director" net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.rs1.rp_filter=1 net.ipv4.conf.rs2.rp_filter=1 net.ipv4.conf.cl.rp_filter=1
works "with rp_filter"

# Policy routing by the local address: only a rule knows the way to rs1.
ip -n "$director" route del 10.0.1.0/24 dev rs1
ip -n "$director" route add 10.0.1.0/24 dev rs1 table 50
ip -n "$director" rule add from "$lip4" lookup 50
set_sysctl "$director" net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.rs1.rp_filter=0
out=$(web 4)$'\n'$(web 4)
expect_match "a rule for the local address leads to rs1" '^rs1' "$out"
ip -n "$director" rule del from "$lip4" lookup 50
ip -n "$director" route add 10.0.1.0/24 dev rs1

# Packets steered to another CPU than the one that received them.
for dev in cl rs1 rs2; do
	spread_over_cpus "$director" $dev
done
works "with packet steering"

# The director itself as the client, and programs of its own on the addresses.
for family in 4 6; do
	expect_match "IPv$family: the director as client" "^rs[12] peer=$(regex "$(host "$(lip 1 $family)")"):" \
		"$(curl_in "$director" "http://$(svc $family 80)/")"
done
serve "$director" own -tcp 9999 -udp 9999
expect_match "a program on the local address is reached" '^own peer=' "$(curl_in "$rs1" "http://$lip4:9999/")"
expect_match "and reaches out from it" "peer=$lip4:" "$(curl_in "$director" --interface "$lip4" "http://$rs1_ip4:8080/")"
