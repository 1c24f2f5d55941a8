# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Statistics, states and timers are stock's own and right: compared with what
# was captured, and with a stock NAT service beside.
# timeout: 480

setup_lab
serve_everywhere
# Stock NAT needs rs2 to answer through the director.
in_ns "$rs2" ip route add default via 10.0.2.1
in_ns "$rs2" ip -6 route add default via 2001:db8:2::1

for family in 4 6; do
	service=$(svc $family 8080)
	ipvs -A -t "$service" -s rr
	ipvs -a -t "$service" -r "$(rs 1 $family 8080)" -b
	ipvs -P -t "$service" -z "$(lip 1 $family)"
	expect_counts_of_wire $family 8080
	poll_until 5 "IPv$family: and the totals" totals_are "$wire_counts"
	ipvs -D -t "$service"
done

# Rates, of traffic that goes on.
fullnat_service -t 4 80
start_in "$client" keep labnet keep -n 4 -interval 10ms "$vip4:80"
wait_log keep READY
rates() { in_ns "$director" ipvsadm -Ln --rate --exact | awk '$1 == "TCP" && $4 > 0 && $5 > 0 && $6 > 0 && $7 > 0 { found = 1 } END { exit !found }'; }
poll_until 15 "rates of both directions are shown" rates
expect_match "ActiveConn counts the connections" "-> $rs1_ip4:80 +FullNat 1 +2 +0" "$(ipvs -Ln)"
stop keep || true
poll_until 5 "InActConn counts them when they have ended" eval 'ipvs -Ln | grep -Eq -- "-> $rs1_ip4:80 +FullNat 1 +0 +2"'
ipvs -C

# States, FULLNAT (rs1, port 81) beside stock NAT (rs2, port 82).
for family in 4 6; do
	ipvs -A -t "$(svc $family 81)" -s rr
	ipvs -a -t "$(svc $family 81)" -r "$(rs 1 $family 80)" -b
	ipvs -P -t "$(svc $family 81)" -z "$(lip 1 $family)"
	ipvs -A -t "$(svc $family 82)" -s rr
	ipvs -a -t "$(svc $family 82)" -r "$(rs 2 $family 80)" -m
done
# states 4|6 PORT: those of the client's connections with PORT of the vip.
states() {
	ipvs -Lnc | awk -v s="$(svc "$1" "$2")" '$5 == s { print $3 }' | sort | uniq -c | xargs
}
in_ns "$director" ipvsadm --set 77 33 22
for family in 4 6; do
	for port in 81 82; do
		service=$(svc $family $port)
		# The client closes first.
		start_in "$client" hold$port labnet conns -n 2 -request -hold 60s "$service"
		wait_log "hold$port" opened
		expect_eq "IPv$family port $port: established" "2 ESTABLISHED" "$(states $family $port)"
		expect_match "IPv$family port $port: for the time of --set" " 01:[01][0-9] +ESTABLISHED .*$(regex "$service")" "$(ipvs -Lnc)"
		stop hold$port || true
		poll_until 10 "IPv$family port $port: closed by the client" eval '[ "$(states $family $port)" = "2 TIME_WAIT" ]'
		# The server closes first, and the client does not.
		start_in "$client" half$port bash -c "exec 3<>/dev/tcp/$(addr vip $family)/$port; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3 >/dev/null; exec sleep 60"
		poll_until 10 "IPv$family port $port: closed by the server" eval '[ "$(states $family $port)" = "1 FIN_WAIT 2 TIME_WAIT" ]'
		expect_match "IPv$family port $port: for the time of --set" " 00:[0-3][0-9] +FIN_WAIT .*$(regex "$service")" "$(ipvs -Lnc)"
		stop half$port || true
		poll_until 10 "IPv$family port $port: and then by the client" eval '[ "$(states $family $port)" = "3 TIME_WAIT" ]'
		in_ns "$client" labnet conns -n 2 -reset -request "$service" >/dev/null
		poll_until 5 "IPv$family port $port: reset" eval '[ "$(states $family $port)" = "2 CLOSE 3 TIME_WAIT" ]'
	done
done
# A server that does not answer.
for ns in "$rs1" "$rs2"; do
	in_ns "$ns" nft -f - <<<'table inet mute { chain in { type filter hook input priority 0; tcp dport { 80, 8080 } drop; }; }'
done
for port in 81 82; do
	in_ns "$client" labnet conns -n 1 -timeout 300ms "$vip4:$port" >/dev/null 2>&1 || true
	expect_match "port $port: no answer" "1 SYN_RECV" "$(states 4 $port)"
done

# Connections as stock and as ours list them.
expect_match "stock's file has stock's columns" '^Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData$' \
	"$(in_ns "$director" head -n 1 /proc/net/ip_vs_conn)"
same_count() { [ "$(ipvs -Lnc | grep -c ":81 ")" = "$(fullnat_conns ":81 " | wc -l)" ]; }
poll_until 5 "every FULLNAT connection is in ours" same_count
# same_conns: both lists have the same, unless one expires between them.
same_conns() {
	fullnat_conns . | awk '{ print tolower($1), $2, $3, $4, $5 }' | sort >"$lab_tmp/ours"
	in_ns "$director" labnet family conns | awk '{ print tolower($1), $2, $3, $4, $5 }' | sort >"$lab_tmp/dump"
	diff "$lab_tmp/ours" "$lab_tmp/dump"
}
poll_until 5 "the netlink dump has the same" same_conns
