# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SYNPROXY together with the rest: the client's address in a TCP option, sequence
# numbers by a TCP that checks each, every scheduler, the fast path; and what its
# settings change on the wire.
# timeout: 240
# once: newest

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_lab
setup_script
setup_raw_ends
serve_everywhere
offload off "$client" eth0
offload off "$rs1" eth0
syn=syn=mss1460,sack,ts,ws7

# unreachable add|del FAMILY: the director's route to the scripted client.
unreachable() {
	case $2 in
	4) in_ns "$director" ip route "$1" unreachable 198.18.0.5/32 ;;
	6) in_ns "$director" ip -6 route "$1" unreachable 2001:db8:5::5/128 ;;
	esac
}

for family in 4 6; do
	vip=$(svc $family 80)
	synproxied $family

	# The SYN is one that the director made, and the first data was held.
	expect_toa_on_wire $family 4100$family

	# By a TCP that compares each acknowledgement, SACK block and echo.
	joined=$(counter "$director" synproxy_spliced)
	status=0
	report=$(raw_client $family 3001 -ts 5 -up 300K -drop 50 -dup 33 -swap 27) || status=$?
	expect_eq "IPv$family: 300 KB arrive, with loss and disorder" 0 $status
	expect_sound "IPv$family: every number that comes back is right" "$report"
	expect_within "IPv$family: selective ones were among them" 1 100000 "$(field sacks "$report")"
	status=0
	report=$(raw_client $family 3002 -ts 5 -down 300K -drop-in 40) || status=$?
	expect_eq "IPv$family: and come back" 0 $status
	expect_sound "IPv$family: with numbers that are right" "$report"
	expect_eq "IPv$family: both were proxied" 2 $(($(counter "$director" synproxy_spliced) - joined))

	# The middle of a joined connection takes the fast path like any other.
	set_sysctl "$director" net.ipv4.vs.fullnat_fast_path=1
	joined=$(counter "$director" synproxy_spliced)
	expect_counter_delta "IPv$family: 300 KB each way by the fast path" "$director" fullnat_fast_pkts '>=20' \
		in_ns "$client" labnet fetch -size 300K "http://$vip"
	expect_eq "IPv$family: which were proxied, too" 2 $(($(counter "$director" synproxy_spliced) - joined))
	set_sysctl "$director" net.ipv4.vs.fullnat_fast_path=0

	ipvs -a -t "$vip" -r "$(rs 2 $family 80)" -b
	joined=$(counter "$director" synproxy_spliced) tried=0
	for scheduler in $(schedulers); do
		ipvs -E -t "$vip" -s "$scheduler"
		expect_match "IPv$family: scheduler $scheduler" '^rs[12] peer=' "$(web $family)"
		tried=$((tried + 1))
	done
	expect_eq "IPv$family: each connection was proxied" $tried $(($(counter "$director" synproxy_spliced) - joined))

	case $family in
	4) told=1000 ttl='ttl 17' ;;
	6) told=968 ttl='hlim 17' ;;
	esac
	synproxy_set init_mss=1000 synack_ttl=17
	capture_start "$client" eth0 told$family tcp src port 80
	check "IPv$family: a handshake with other settings" curl_in "$client" "http://$vip/"
	# IPv4 takes two lines: that of the hop limit, and the segment's.
	text=$(capture_stop told$family | sed -z 's/\n  */ /g')
	expect_match "IPv$family: the SYN-ACK tells the MSS that is set" "${ttl}[,)].*Flags \[S\.\].*mss $told," "$text"
	synproxy_set init_mss=1452 synack_ttl=63

	# Back to where it came from, whatever the routing table says; or by that.
	unreachable add $family
	moves "an answer needs no route" synproxy_syn_cnt 1 $family 31001 $syn synack
	synproxy_set reply_route=1
	moves "unless it is to be by route" synproxy_answer_fail 1 $family 31002 $syn quiet=300ms
	unreachable del $family
	moves "by route, the handshake works" synproxy_spliced 1 $family 31003 $syn synack ack "$page" "$page_end" fin
	check "IPv$family: and 300 KB each way" in_ns "$client" labnet fetch -size 300K "http://$vip"
	synproxy_set reply_route=0
	ipvs -C
done
