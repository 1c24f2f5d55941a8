# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SYNPROXY: guessed, late and repeated ACKs; clients that send nothing, too much,
# or in disorder; SYNs on connections that live, and on those that have ended.
# timeout: 300
# once: oldest

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_lab
setup_script
serve_everywhere
syn=syn=mss1460,sack,ts,ws7

for family in 4 6; do
	synproxied $family
	capture_start "$rs1" eth0 bad$family host "$(addr rs1_ip $family)" and tcp port 80
	moves "a guessed cookie is refused" synproxy_bad_ack 1 $family 20001 $syn synack badack=7 wait=50ms
	moves "and gets a RST" synproxy_rst_client 1 $family 20002 $syn synack badack=4 wait=50ms
	moves "so does data to a connection that is none" synproxy_bad_ack 1 $family 20003 isn=5 "$page" wait=50ms
	synproxy_set bad_ack_rst=0
	moves "unless switched off" synproxy_rst_client 0 $family 20004 $syn synack badack=4 quiet=200ms
	synproxy_set bad_ack_rst=1 rst_rate=0
	moves "or above the limit" synproxy_rst_limited 1 $family 20005 $syn synack badack=4 quiet=200ms
	synproxy_set rst_rate=1000
	moves "a SYN with FIN is none" synproxy_bad_syn 0 $family 20006 $syn synack
	capture_stop bad$family >"$lab_tmp/bad$family.txt"
	expect_eq "IPv$family: the real server has seen none of that" 0 "$(grep -c Flags "$lab_tmp/bad$family.txt" || true)"

	# The second segment first: no RST, and the client's next try works.
	moves "what has overtaken the first segment is dropped" synproxy_bad_ack 1 $family 20010 \
		$syn synack ahead=20:abcdefghijklmnopqrst quiet=200ms ack "$page" "$page_end" fin
	check "IPv$family: data out of order arrive in order" script $family 20011 \
		$syn synack ack "ahead=11:1.1\r\nHost: x\r\nConnection: close\r\n\r\n" "data=GET / HTTP/" "$page_end"

	# Wait for data: an ACK without is nothing.
	synproxy_set defer=1
	moves "deferred: an ACK alone does nothing" synproxy_null_ack 2 $family 20020 $syn synack ack ack quiet=200ms
	moves "data connect" synproxy_spliced 1 $family 20021 $syn synack ack wait=50ms "$page" "$page_end" fin
	synproxy_set defer=0

	# The ACK again, before and after the end of its connection.
	moves "a repeated ACK on its connection" synproxy_ok_ack 1 $family 20030 $syn synack ack replay replay "$page" "$page_end" replay fin
	moves "and on what is left of it" synproxy_ok_ack 1 $family 20031 \
		$syn synack ack "$page" "$page_end" fin gotfin replay wait=100ms

	# A SYN for a connection that lives: the real server's answer has come.
	capture_start "$rs1" eth0 live$family host "$(addr rs1_ip $family)" and tcp port 80
	moves "a SYN on a connection that lives" synproxy_syn_live 1 $family 20040 \
		$syn synack ack gotack wait=50ms isn=77777 syn gotack isn=1001
	capture_stop live$family >"$lab_tmp/live$family.txt"
	expect_eq "IPv$family: the real server saw the first one only" 1 "$(grep -c 'Flags \[S\],' "$lab_tmp/live$family.txt")"
	# A client that has started again: what it makes of the challenge is a RST.
	check "IPv$family: a client that has started again" script $family 20041 \
		isn=1000 $syn synack ack gotack wait=50ms isn=1001 ack rst wait=50ms isn=500000 $syn synack ack "$page" "$page_end" fin

	# A new connection from the same port, when both sides have ended the old one.
	moves "an ended connection gives way" synproxy_conn_reused 1 $family 20050 \
		$syn synack ack "$page" "$page_end" fin gotfin wait=50ms isn=9000000 $syn synack ack "$page" "$page_end" fin
	synproxy_set conn_reuse_time_wait=0
	moves "unless that is switched off" synproxy_conn_reused 0 $family 20051 \
		$syn synack ack "$page" "$page_end" fin gotfin wait=100ms isn=9000000 $syn gotack
	synproxy_set conn_reuse_time_wait=1 conn_reuse_fin_wait=1
	moves "one that only the real server has ended gives way, too" synproxy_conn_reused_finwait 1 $family 20052 \
		$syn synack ack "$page" "$page_end" gotfin wait=50ms isn=9000000 $syn synack ack "$page" "$page_end" fin
	synproxy_set conn_reuse_fin_wait=0

	# The real server is not there yet.
	in_ns "$rs1" nft -f - <<-END
		table inet mute { chain in { type filter hook input priority 0; tcp dport 80 drop; }; }
	END
	moves "packets meanwhile, up to a limit" synproxy_ackstorm 5 $family 20060 \
		$syn synack ack ack ack ack ack ack ack ack ack ack ack ack ack ack ack ack wait=50ms
	moves "no more is held than is to be" synproxy_held_full 2 $family 20061 \
		$syn synack ack data=1 data=2 data=3 data=4 data=5 wait=50ms
	start_in "$client" late$family labnet script -tun script0 "$(script_ip $family):20062" "$(svc $family 80)" \
		$syn synack ack "$page" "$page_end" fin
	wait_log late$family '> .*length 46$'
	expect_match "IPv$family: stock knows that it is not established" 'SYN_RECV' "$(in_ns "$director" cat /proc/net/ip_vs_conn)"
	in_ns "$rs1" nft delete table inet mute
	status=0
	finish late$family || status=$?
	expect_eq "IPv$family: what is held arrives when the real server is there" 0 $status
	ipvs -C
done
