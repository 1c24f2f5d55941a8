# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A client that takes the same port again while stock still keeps the old
# connection, and connections whose real server has been taken away.
# timeout: 240

setup_lab
serve_everywhere

for family in 4 6; do
	fullnat_service -t $family 80
	service=$(svc $family 80)
	bind=$(host "$(addr client_ip $family)"):5000

	for mode in 0 1; do
		set_sysctl "$director" net.ipv4.vs.conn_reuse_mode=$mode
		# Each run closes by FIN; the client forgets, stock has TIME_WAIT.
		set_sysctl "$client" net.ipv4.tcp_tw_reuse=1
		for round in 1 2 3; do
			check "IPv$family reuse mode $mode: the same client port, round $round" \
				in_ns "$client" labnet conns -n 1 -bind "$bind" -reset -request "$service"
		done
		check "IPv$family reuse mode $mode: ten ports, twice over" eval '
			in_ns "$client" labnet conns -n 10 -parallel 5 -bind "${bind%5000}6000" -reset -request "$service" &&
			in_ns "$client" labnet conns -n 10 -parallel 5 -bind "${bind%5000}6000" -reset -request "$service"'
	done
	expect_eq "IPv$family: no port is that of two connections" "" \
		"$(fullnat_conns . | awk '{ print $1, $4, $5 }' | sort | uniq -d)"

	# The real server is taken away: without the setting its connections
	# hang, with it they end at the next packet, and new ones go elsewhere.
	# stock's choice, which FULLNAT must not stand in the way of.
	set_sysctl "$director" net.ipv4.vs.expire_nodest_conn=1
	ipvs -e -t "$service" -r "$(rs 2 $family 80)" -b -w 0
	start_in "$client" orphan labnet keep -n 2 -timeout $((2 * LAB_SLOW))s "$service"
	wait_log orphan READY
	ipvs -e -t "$service" -r "$(rs 2 $family 80)" -b -w 1
	ipvs -d -t "$service" -r "$(rs 1 $family 80)"
	poll_until 10 "IPv$family: connections of a removed real server end" \
		eval '[ -z "$(fullnat_conns "$(regex "$(rs 1 $family 80)") ")" ]'
	stop orphan || true
	expect_match "IPv$family: new ones go to the other" '^rs2' "$(web $family)"
	set_sysctl "$director" net.ipv4.vs.expire_nodest_conn=0
	ipvs -C
done

# A UDP client whose real server is taken away goes to the other at once.
fullnat_service -u 4 53
set_sysctl "$director" net.ipv4.vs.expire_nodest_conn=1
check "a UDP flow" in_ns "$client" labnet udp-echo -bind "$client_ip4:7000" "$vip4:53"
ipvs -d -u "$vip4:53" -r "$(fullnat_conns "$client_ip4:7000 " | awk '{ print $5 }')"
poll_until 5 "goes on with another real server" in_ns "$client" labnet udp-echo -timeout 200ms -bind "$client_ip4:7000" "$vip4:53"
