# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# ICMP errors of both sides, in the routed lab: path MTU discovery across narrow
# links behind and at the director, ports and hosts that are not there, hops
# that run out, and rubbish.
# timeout: 480
# edge: yes

setup_routed_lab
serve_everywhere
for ns in "$director" "$client_router" "$server_router" "$rs1"; do
	set_sysctl "$ns" net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
done
# A packet whose checksum is left to the device has none to be right in an error.
offload off "$client" eth0
offload off "$rs1" eth0

# narrow NS 4|6 PREFIX MTU WAY...: the route has that MTU; 0: as before.
narrow() {
	in_ns "$1" ip "-$2" route replace "$3" "${@:5}" mtu "$4"
}

# learned NS 4|6 ADDRESS: the path MTU that NS has learned.
learned() {
	in_ns "$1" ip "-$2" route get "$3" | sed -n 's/.* mtu \([0-9]*\).*/\1/p'
}

forget() {
	in_ns "$1" ip "-$2" route flush cache
}

for family in 4 6; do
	vip=$(addr vip $family) client_ip=$(addr client_ip $family) lip=$(lip 1 $family) rs1_ip=$(addr rs1_ip $family)
	bits=32
	[ $family = 4 ] || bits=128
	server_via=10.0.9.2 client_via=203.0.113.2
	[ $family = 4 ] || server_via=2001:db8:9::2 client_via=2001:db8:e::2
	for port in 8080 53; do
		proto=-t
		[ $port = 8080 ] || proto=-u
		ipvs -A $proto "$(svc $family $port)" -s rr
		ipvs -a $proto "$(svc $family $port)" -r "$(rs 1 $family $port)" -b
		ipvs -P $proto "$(svc $family $port)" -z "$lip"
	done
	too_big="unreachable - need to frag \(mtu MTU\)"
	[ $family = 4 ] || too_big="packet too big, mtu MTU"

	# Behind the director, towards the real server.
	narrow "$server_router" $family "$rs1_ip/$bits" 1400 dev rs1
	capture_start "$client" eth0 cl -Q in "icmp or icmp6"
	expect_match "IPv$family: narrow server side: a large datagram is an error at the client" 'message too long' \
		"$(in_ns "$client" labnet udp-echo -df -size 1440 "$(svc $family 53)" 2>&1)"
	capture_stop cl >"$lab_tmp/cl.txt"
	expect_match "IPv$family: it comes from the vip" \
		"$(regex "$vip") > $(regex "$client_ip"): .*${too_big/MTU/1400}" "$(cat "$lab_tmp/cl.txt")"
	expect_good_checksums "IPv$family: its checksums are right" "$lab_tmp/cl.txt"
	if [ $family = 4 ]; then
		expect_match "IPv4: it is about the client's packet" "$client_ip\.[0-9]+ > $vip\.53" "$(cat "$lab_tmp/cl.txt")"
	fi
	forget "$client" $family
	expect_counter_delta "IPv$family: narrow server side: upload compares" "$director" fullnat_icmp_out '>=1' \
		in_ns "$client" labnet fetch -direction up -parallel 3 -size 100K "http://$(svc $family 8080)"
	# TOA's option takes up to 20 bytes of it.
	expect_within "IPv$family: the client learned the path MTU" 1380 1400 "$(learned "$client" $family "$vip")"

	# The least that IPv6 has, below which the client does not go to leave room.
	forget "$client" $family
	narrow "$server_router" $family "$rs1_ip/$bits" 1280 dev rs1
	expect_counter_delta "IPv$family: 1280 bytes behind the director: upload compares" "$director" fullnat_icmp_out '>=1' \
		in_ns "$client" labnet fetch -direction up -parallel 3 -size 100K "http://$(svc $family 8080)"
	narrow "$server_router" $family "$rs1_ip/$bits" 1400 dev rs1

	# Behind the director, towards the client.
	# An IPv6 client announces no more than it has learned.
	forget "$client" $family
	narrow "$client_router" $family "$client_ip/$bits" 1380 dev far
	capture_start "$rs1" eth0 rs -Q in "icmp or (icmp6 and ip6[40] < 128)"
	expect_counter_delta "IPv$family: narrow client side: download compares" "$director" fullnat_icmp_in '>=1' \
		in_ns "$client" labnet fetch -direction down -parallel 3 -size 100K "http://$(svc $family 8080)"
	capture_stop rs >"$lab_tmp/rs.txt"
	expect_match "IPv$family: the real server hears it from the local address" \
		"$(regex "$lip") > $(regex "$rs1_ip"): .*${too_big/MTU/1380}" "$(cat "$lab_tmp/rs.txt")"
	expect_good_checksums "IPv$family: with right checksums" "$lab_tmp/rs.txt"
	if [ $family = 4 ]; then
		expect_match "IPv4: about its own packet" "$rs1_ip\.8080 > $lip\.[0-9]+" "$(cat "$lab_tmp/rs.txt")"
	fi
	expect_eq "IPv$family: the real server learned the path MTU" 1380 "$(learned "$rs1" $family "$lip")"

	# The director's own links. What was learned would hide them.
	forget "$client" $family
	forget "$rs1" $family
	narrow "$director" $family "$rs1_ip/$bits" 1360 via $server_via
	narrow "$director" $family "$client_ip/$bits" 1340 via $client_via
	expect_counter_delta "IPv$family: narrow links of the director: transfers compare" "$director" fullnat_mtu_exceeded '>=2' \
		in_ns "$client" labnet fetch -parallel 3 -size 100K "http://$(svc $family 8080)"
	expect_within "IPv$family: the client learned from the director" 1340 1360 "$(learned "$client" $family "$vip")"
	expect_eq "IPv$family: the real server learned from the director" 1340 "$(learned "$rs1" $family "$lip")"
	check "IPv$family: datagrams that may be fragmented pass" in_ns "$client" labnet udp-echo -size 5000 -count 2 "$(svc $family 53)"
	narrow "$director" $family "$rs1_ip/$bits" 0 via $server_via
	narrow "$director" $family "$client_ip/$bits" 0 via $client_via

	# Nobody there: a port, then a host.
	ipvs -A -u "$(svc $family 99)" -s rr
	ipvs -a -u "$(svc $family 99)" -r "$(rs 1 $family 99)" -b
	ipvs -P -u "$(svc $family 99)" -z "$lip"
	expect_match "IPv$family: a closed UDP port refuses at the client" 'connection refused' \
		"$(in_ns "$client" labnet udp-echo "$(svc $family 99)" 2>&1)"
	ipvs -A -t "$(svc $family 99)" -s rr
	ipvs -a -t "$(svc $family 99)" -r "$(rs 1 $family 99)" -b
	ipvs -P -t "$(svc $family 99)" -z "$lip"
	status=0
	web $family 99 2>/dev/null || status=$?
	expect_eq "IPv$family: a closed TCP port refuses at the client, at once" 7 $status
	in_ns "$server_router" sysctl -qw "net.ipv$family.neigh.rs1.mcast_solicit=1" "net.ipv$family.neigh.rs1.retrans_time_ms=100"
	ghost=$(host "${rs1_ip%11}77")
	ipvs -a -u "$(svc $family 99)" -r "$ghost:99" -b -w 1
	ipvs -d -u "$(svc $family 99)" -r "$(rs 1 $family 99)"
	capture_start "$client" eth0 gone -Q in "icmp or icmp6"
	in_ns "$client" labnet udp-echo -timeout "${LAB_SLOW}s" "$(svc $family 99)" >/dev/null 2>&1 || true
	# shellcheck disable=SC2154 # set by setup_lab
	expect_match "IPv$family: a host that is not there is unreachable, says the vip" \
		"$(regex "$vip") > $(regex "$client_ip"): .*unreachable" "$(capture_stop gone | tee "$lab_tmp/cl.txt")"
	expect_good_checksums "IPv$family: with right checksums" "$lab_tmp/cl.txt"

	# Hop by hop: router, director, router behind it, real server.
	hops=$(for ttl in 1 2 3 4; do
		in_ns "$client" traceroute "-$family" -n -q 1 -w $((2 * LAB_SLOW)) -U -p 53 -f $ttl -m $ttl "$vip" | sed 1d
	done)
	router=192.0.2.1
	[ $family = 4 ] || router=2001:db8:c::1
	expect_match "IPv$family: hop 1 is the client's router" "^ *1 +$router " "$hops"
	for ttl in 2 3 4; do
		expect_match "IPv$family: hop $ttl answers as the vip" "^ *$ttl +$vip " "$hops"
	done
	check "IPv$family: ping to the vip is answered" in_ns "$client" ping -c 1 -W 2 "$vip"
	check "IPv$family: ping to the local address is answered" in_ns "$rs1" ping -c 1 -W 2 "$lip"
done
expect_within "hops that ran out at the director were counted" 2 8 "$(counter "$director" fullnat_ttl_exceeded)"

# Rubbish: errors cut short, with a wrong checksum, about nobody's packet, and
# about a connection but with a wrong checksum.
flow=$(in_ns "$client" labnet udp-echo -bind "$client_ip4:4000" "$vip4:53" && fullnat_conns "^UDP $client_ip4:4000 ")
lport=$(sed -nE 's/.* 10\.0\.0\.1:([0-9]+) .*/\1/p' <<<"$flow")
error() { # CHECKSUM INNER...
	local head body
	body=0301$1"00000000$2"
	head="45000000000100004001 0000$(hex_ip "$rs1_ip4")$(hex_ip "$lip4")"
	in_ns "$rs1" labnet raw "$head$body" >/dev/null
}
inner="4500001c00010000401100 00$(hex_ip "$lip4")$(hex_ip "$rs1_ip4")$(hex "$lport" 4)003500080000"
error 0000 ""
error ffff "45"
error 1234 "$inner"
error 1234 "${inner:0:51}"
error 1234 "4f${inner:2}"
error 1234 "450000140001000040 3200 00$(hex_ip "$lip4")$(hex_ip "$rs1_ip4")"
expect_within "ICMP errors with a wrong checksum are counted" 1 6 "$(counter "$director" fullnat_bad_icmp)"
check "and change nothing" in_ns "$client" labnet udp-echo -bind "$client_ip4:4000" -count 3 "$vip4:53"
