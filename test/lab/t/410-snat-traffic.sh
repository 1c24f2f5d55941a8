# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SNAT zones, what goes on around the packets: traceroute, path MTU, closed ports,
# firewall rules and conntrack, two uplinks, choice by hash, limits, exhaustion, a
# port forwarded to a machine, FULLNAT and NAT on the same director.
# timeout: 300
# once: oldest

. /lab/lib-snat.sh
setup_snat_lab
add_server 1
serve "$out" out
serve "$rs1" rs1
for ns in "$director" "$router"; do
	set_sysctl "$ns" net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
done
switch_on

for family in 4 6; do
	bits=32 outside_net=192.0.2. gateway=10.2.0.1 second=10.2.0.11/24
	[ $family = 4 ] || bits=128 outside_net=2001:db8:c:: gateway=2001:db8:12::1 second=2001:db8:12::11/64
	out_ip=$(addr out_ip $family) lip=$(lip 1 $family)
	zone 1 $family "$lip"
	zone 2 $family "$(lip 2 $family)" "$(lip 3 $family)"

	# Hop by hop; the hops answer for themselves.
	hops=$(in_ns "$in1" traceroute "-$family" -n -q 1 -w 10 -m 5 -U -p 53 "$out_ip" | awk 'NR > 1 { printf "%s ", $2 }')
	expect_eq "IPv$family: traceroute" "$([ $family = 4 ] && echo "10.1.0.1 203.0.113.2" || echo "2001:db8:11::1 2001:db8:e::2") $out_ip " "$hops"
	expect_match "IPv$family: traceroute by echo" "$(regex "$out_ip")" "$(in_ns "$in1" traceroute "-$family" -n -q 1 -w 10 -m 5 -I "$out_ip" | tail -n 1)"

	# Narrow links, behind the director and in front of the machine.
	in_ns "$router" ip "-$family" route replace "$out_ip/$bits" dev far mtu 1400
	check "IPv$family: upload over a narrow link outside" in_ns "$in1" labnet fetch -direction up -size 100K "http://$(outside $family 80)"
	expect_match "IPv$family: the machine learned its MTU" 'mtu 1400' "$(in_ns "$in1" ip "-$family" route get "$out_ip")"
	in_ns "$in1" ip "-$family" route flush cache
	in_ns "$router" ip "-$family" route replace "$out_ip/$bits" dev far
	in_ns "$director" ip "-$family" route replace "$(in_ip 1 $family)/$bits" dev in1 mtu 1380
	expect_counter_delta "IPv$family: download over a narrow link inside" "$director" snat_icmp_out '>=1' \
		in_ns "$in1" labnet fetch -direction down -size 100K "http://$(outside $family 80)"
	expect_match "IPv$family: the outside learned its MTU" 'mtu 1380' "$(in_ns "$out" ip "-$family" route get "$lip")"
	in_ns "$director" ip "-$family" route del "$(in_ip 1 $family)/$bits" dev in1
	in_ns "$out" ip "-$family" route flush cache
	expect_match "IPv$family: a closed port refuses" 'connection refused' "$(in_ns "$in1" labnet udp-echo "$(outside $family 99)" 2>&1)"

	# Rules see the machine in both directions; conntrack agrees.
	in_ns "$director" nft "table inet fw { chain f { type filter hook forward priority filter; policy drop;
		ip$([ $family = 4 ] || echo 6) saddr $(in_ip 1 $family) counter ct state new,established accept;
		ip$([ $family = 4 ] || echo 6) daddr $(in_ip 1 $family) counter ct state established accept; }; }"
	expect_eq "IPv$family: a firewall by the machine's address lets it pass" "$lip" "$(seen_from "$in1" $family)"
	expect_match "IPv$family: and counts both directions" '^2$' \
		"$(in_ns "$director" nft list ruleset | grep -cE "addr $(regex "$(in_ip 1 $family)") counter packets [1-9]")"
	check_fails "IPv$family: and no other" in_ns "$in2" curl -sS --max-time 1 "http://$(outside $family 80)/"
	in_ns "$director" nft flush ruleset

	# Where conntrack sees answers only, it does not take them for a beginning.
	in_ns "$director" nft "table inet half {
		chain pre { type filter hook prerouting priority raw; iifname in1 notrack; }
		chain f { type filter hook forward priority filter; iifname wan ct state new counter; }; }"
	check "IPv$family: datagrams that conntrack does not see" in_ns "$in1" labnet udp-echo -count 3 "$(outside $family 53)"
	expect_match "IPv$family: their answers are new to it" 'new counter packets 3 ' "$(in_ns "$director" nft list table inet half)"
	expect_match "IPv$family: and it forgets them" ' 0 flow entries' \
		"$(in_ns "$director" conntrack -L -f ipv$family -p udp 2>&1)"
	in_ns "$director" nft flush ruleset

	# By hash of the source a machine keeps its address, and by hash of both ends
	# it keeps one towards each destination.
	mapfile -t dests < <(seq -f "$outside_net%g" 101 108)
	ipvs --edit-zone --zone "$(in_net 2 $family)" -s sh
	expect_eq "IPv$family: sh: always the same address" 1 "$(leave "$in2" "${dests[@]}" | sort -u | wc -l)"
	expect_match "IPv$family: it is saved" "^-K --zone $(regex "$(in_net 2 $family)") -s sh$" "$(ipvs -S -n)"
	ipvs -V --zone "$(in_net 2 $family)"
	ipvs -K --zone "$(in_net 2 $family)" -s sdh
	for n in 2 3; do ipvs -U --zone "$(in_net 2 $family)" -z "$(lip $n $family)"; done
	from=$(leave "$in2" "${dests[@]}")
	expect_eq "IPv$family: sdh: destinations share both addresses" "$(lip 2 $family) $(lip 3 $family)" "$(sort -u <<<"$from" | xargs)"
	expect_eq "IPv$family: each has always the same" "$from" "$(leave "$in2" "${dests[@]}")"
	expect_match "IPv$family: it is saved" "^-K --zone $(regex "$(in_net 2 $family)") -s sdh$" "$(ipvs -S -n)"
	set_addresses "$in2" eth0 "$second"
	in_ns "$in2" ip "-$family" route replace default via $gateway src "${second%/*}"
	check_fails "IPv$family: for another machine it is another choice" test "$from" = "$(leave "$in2" "${dests[@]}")"
	in_ns "$in2" ip "-$family" route replace default via $gateway

	# No more flows than the limit.
	ipvs --edit-zone --zone "$(in_net 2 $family)" --limit 10
	start_in "$in2" limit$family labnet conns -n 10 -reset -request -hold 600s "$(outside $family 8080)"
	wait_log limit$family '"opened":10'
	expect_counter_delta "IPv$family: the limit holds" "$director" snat_limited '>=1' \
		eval '! in_ns "$in2" labnet conns -n 1 -timeout 500ms "$(outside $family 8080)"'
	ipvs --edit-zone --zone "$(in_net 2 $family)"
	stop limit$family KILL || true

	# All ports in use, and free again.
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=20000 net.ipv4.vs.fullnat_lport_max=20019
	start_in "$in1" all$family labnet conns -n 20 -reset -request -hold 600s "$(outside $family 8080)"
	wait_log all$family '"opened":20'
	expect_counter_delta "IPv$family: no port is left" "$director" snat_no_port '>=1' \
		eval '! in_ns "$in1" labnet conns -n 1 -timeout 500ms "$(outside $family 8080)"'
	expect_match "IPv$family: -G counts the conflict" '^[1-9]' "$(zone_conflicts "$(in_net 1 $family)" "$lip")"
	expect_eq "IPv$family: another port of the server is another destination" "$lip" "$(seen_from "$in1" $family)"
	stop all$family || true
	poll_until 20 "IPv$family: ports that are free again serve" in_ns "$in1" labnet conns -n 5 -timeout 1s -reset "$(outside $family 8080)"
	check "IPv$family: so do those of flows that have ended" \
		in_ns "$in1" labnet conns -n 60 -parallel 5 -timeout 30s -request "$(outside $family 8080)"
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=65535 net.ipv4.vs.fullnat_lport_min=5000
done
expect_match "one line in the log" 'no free local port' "$(dmesg)"

# Two uplinks, the second by a rule for network 2. One more local address is in
# the network of the first one, and is moved about.
link "$director" wan2 "$router" near2
set_addresses "$director" wan2 198.18.2.1/24 2001:db8:20::1/64
set_addresses "$router" near2 198.18.2.2/24 2001:db8:20::2/64

# by_wan2 4|6: network 2 leaves by it; the kernel drops such routes with the link.
by_wan2() {
	set_routes "$director" 198.18.2.2 2001:db8:20::2 \
		"$([ "$1" = 4 ] && echo 0.0.0.0/0 || echo ::/0) dev wan2 table 100"
}
for family in 4 6; do
	own=203.0.113.7 bits=32 lost=(2001:db8:20::1/64)
	[ $family = 4 ] || own=2001:db8:e::7 bits=128 lost=(2001:db8:20::1/64 2001:db8:e::7/128)
	all=("$(lip 2 $family)" "$(lip 3 $family)" "$own")
	in_ns "$director" ip "-$family" rule add from "$(in_net 2 $family)" lookup 100 priority 100
	ipvs -U --zone "$(in_net 2 $family)" -z $own
	check "IPv$family: an address in the network of the chosen uplink is preferred" leaves_from "$in2" $family $own
	by_wan2 $family
	check "IPv$family: by another uplink all are used" leaves_from "$in2" $family "${all[@]}"
	# Without nodad: what is not yet known to be unique counts as well.
	in_ns "$director" ip addr add $own/$bits dev wan2
	poll_until 5 "IPv$family: configured on that one, it is preferred there" leaves_from "$in2" $family $own
	set_routes "$router" 198.18.2.1 2001:db8:20::1 $own/$bits
	poll_until 5 "IPv$family: and answers come to it" eval '[ "$(seen_from "$in2" $family)" = $own ]'
	in_ns "$director" ip link set wan2 down
	if [ $family = 4 ]; then
		poll_until 5 "IPv4: when that uplink fails, the other one's: none is configured there" leaves_from "$in2" 4 "${all[@]}"
	else
		poll_until 5 "IPv6: when that uplink fails its addresses are gone: back in the other's network" leaves_from "$in2" 6 $own
	fi
	in_ns "$director" ip link set wan2 up
	set_addresses "$director" wan2 "${lost[@]}"
	by_wan2 $family
	poll_until 5 "IPv$family: up again, it is preferred there" leaves_from "$in2" $family $own
done
ip -n "$director" link del wan2
for family in 4 6; do
	own=203.0.113.7
	[ $family = 4 ] || own=2001:db8:e::7
	poll_until 5 "IPv$family: its device is gone: back in the other's network" leaves_from "$in2" $family $own
	in_ns "$director" ip "-$family" rule del priority 100
done

# FULLNAT and stock's NAT on the same director, with the same local address.
fullnat_service -t 4 80
ipvs -A -u "$vip4:53" -s rr
ipvs -a -u "$vip4:53" -r "$rs1_ip4:53" -m
ipvs -d -t "$vip4:80" -r "$rs2_ip4:80"
in_ns "$rs1" ip route add default via 10.0.1.1
ipvs -K --zone 10.0.1.0/24
ipvs -U --zone 10.0.1.0/24 -z "$(lip 4 4)"
expect_match "FULLNAT beside it, from outside" "^rs1 .*peer=$(regex "$lip4"):" "$(in_ns "$out" curl -sS --max-time 20 "http://$vip4/")"
check "NAT beside it, with the real server in a zone" in_ns "$out" labnet udp-echo -count 3 "$vip4:53"
expect_eq "and that real server goes out by its zone" "$(lip 4 4)" "$(seen_from "$rs1" 4)"

# A port that is forwarded to a machine: its answers are left alone.
in_ns "$director" nft "table ip dn { chain p { type nat hook prerouting priority dstnat; iifname wan udp dport 5353 dnat to $in1_ip4:53; }; }"
serve "$in1" in1
check "a forwarded port" in_ns "$out" labnet udp-echo -count 3 203.0.113.1:5353
in_ns "$director" nft flush ruleset
