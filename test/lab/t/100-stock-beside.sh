# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Stock services on the same director are as they were: NAT, direct routing and
# tunnels beside FULLNAT, in one service with it, and with the module idle.
# timeout: 240
# modules: ip_vs

setup_lab
serve_everywhere
# What stock's methods want of a real server.
ip -n "$rs2" route add default via 10.0.2.1
ip -n "$rs2" -6 route add default via 2001:db8:2::1
ip -n "$rs1" route add default via 10.0.1.1
set_addresses "$rs1" lo "$vip4/32"
set_sysctl "$rs1" net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
set_sysctl "$director" net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.rs1.rp_filter=0

# Direct routing: the answer has the vip as its source and comes back by the
# director, which must let it through.
set_sysctl "$director" net.ipv4.conf.rs1.accept_local=1
in_ns "$director" ip rule add iif rs1 from "$vip4" lookup 77 priority 1
in_ns "$director" ip route add "$client_net4" dev cl table 77
stock_services() {
	in_ns "$director" ipvsadm -R <<-END
		-A -t $vip4:8080 -s rr
		-a -t $vip4:8080 -r $rs2_ip4:8080 -m
		-A -u $vip4:5353 -s rr
		-a -u $vip4:5353 -r $rs2_ip4:5353 -m
		-A -t [$vip6]:8080 -s rr
		-a -t [$vip6]:8080 -r [$rs2_ip6]:8080 -m
	END
}

# stock_works DESCRIPTION: the stock services serve, and are counted.
stock_works() {
	expect_match "$1: NAT, IPv4" "^rs2 peer=$client_ip4:" "$(web 4 8080)"
	expect_match "$1: NAT, IPv6" "^rs2 peer=\[$client_ip6\]:" "$(web 6 8080)"
	check "$1: NAT, transfers" in_ns "$client" labnet fetch -parallel 3 -size 50K "http://$vip4:8080"
	check "$1: NAT, UDP with fragments" in_ns "$client" labnet udp-echo -size 5000 -flows 2 "$vip4:5353"
	# 6.1 adds them up every two seconds.
	poll_until 5 "$1: NAT counts both directions" eval 'stats_of "$vip4:8080" | grep -Eq "^[1-9][0-9]* [1-9][0-9]* [1-9][0-9]* [1-9][0-9]* [1-9]"'
}

stock_services
stock_works "without the module"
check "the module comes while stock serves" modprobe ip_vs_fullnat
stock_works "with the module idle"
expect_eq "an idle module binds nothing" 0 "$(counter "$director" fullnat_conn_bound)"
for family in 4 6; do
	fullnat_service -t $family 80
	fullnat_service -u $family 53
done
stock_works "with FULLNAT beside"
for family in 4 6; do
	lip=$(regex "$(host "$(lip 1 $family)")")
	expect_match "FULLNAT serves beside stock, IPv$family" "^rs[12] peer=$lip:" "$(web $family)"
	check "FULLNAT's UDP beside stock, IPv$family" in_ns "$client" labnet udp-echo -flows 4 -size 3000 "$(svc $family 53)"
done

# NAT and FULLNAT in one service, on the same real server as well.
ipvs -a -t "$vip4:80" -r "$rs2_ip4:8080" -m
out=$(for _ in 1 2 3; do web 4; done)
expect_match "one service has FULLNAT" "^rs1 peer=$lip4:" "$out"
expect_match "and NAT" "^rs2 peer=$client_ip4:.*:8080$" "$out"

# Direct routing. Its answer does not go through IPVS at all.
in_ns "$director" ipvsadm -A -t "$vip4:8080" -s rr 2>/dev/null || true
in_ns "$director" ipvsadm -D -t "$vip4:8080"
in_ns "$director" ipvsadm -A -t "$vip4:8080" -s rr
in_ns "$director" ipvsadm -a -t "$vip4:8080" -r "$rs1_ip4:8080" -g
capture_start "$rs1" eth0 dr tcp port 8080
in_ns "$client" labnet conns -n 1 -timeout 500ms "$vip4:8080" >/dev/null 2>&1 || true
expect_match "direct routing leaves the packet as it is" "$client_ip4\.[0-9]+ > $vip4\.8080: Flags \[S\]" "$(capture_stop dr)"

# A tunnel, to where nothing takes it out: what is sent is what counts.
in_ns "$director" ipvsadm -A -u "$vip4:5454" -s rr
in_ns "$director" ipvsadm -a -u "$vip4:5454" -r "$rs1_ip4:5454" -i
capture_start "$rs1" eth0 ipip ip proto 4
in_ns "$client" labnet udp-echo -timeout 300ms "$vip4:5454" >/dev/null 2>&1 || true
expect_match "a tunnel carries the packet" "$client_ip4\.[0-9]+ > $vip4\.5454" "$(capture_stop ipip)"

# The module goes, stock stays.
ipvs -D -t "$vip4:80"
ipvs -D -t "[$vip6]:80"
in_ns "$director" labnet family drain >/dev/null
poll_until 10 "the module goes" rmmod ip_vs_fullnat
in_ns "$director" ipvsadm -C
stock_services
stock_works "without the module again"
