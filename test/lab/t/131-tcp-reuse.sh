# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One local port, many clients' connections one after the other: the real
# server holds each in TIME_WAIT and still takes the next at once, because
# sequence numbers and time stamps are the director's and grow.
# timeout: 90

setup_lab
serve_everywhere
set_sysctl "$client" net.ipv4.tcp_timestamps=1

# syn_values FIELD FAMILY: "seq" or "TS val" of each SYN that reached rs1.
syn_values() {
	grep -E "> .*[.]80: Flags \[S\]" "$lab_tmp/reuse$2.txt" | sed -E "s/.*[ ,]$1 ([0-9]+).*/\1/"
}

# ascending N FIELD FAMILY: there are N such values, and they grow, modulo 2^32.
ascending() {
	syn_values "$2" "$3" | awk -v n="$1" 'NR > 1 && (($1 - last + 4294967296) % 4294967296) > 2147483648 { bad++ }
		NR > 1 && $1 == last { bad++ } { last = $1 } END { exit !(NR == n && !bad) }'
}

# in_time_wait ADDRESS: rs1 holds port 5000 of it.
in_time_wait() {
	in_ns "$rs1" ss -Htn state time-wait sport = :80 | grep -Eq "$(regex "$1").*:5000"
}

for family in 4 6; do
	vip=$(host "$(addr vip $family)")
	fullnat_service -t $family 80
	ipvs -d -t "$vip:80" -r "$(host "$(addr rs2_ip $family)"):80"
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=5000 net.ipv4.vs.fullnat_lport_max=5000

	reclaimed=$(counter "$director" fullnat_port_reclaimed)
	capture_start "$rs1" eth0 reuse$family tcp port 80
	for _ in 1 2 3 4 5; do
		check "IPv$family: a connection over the one port there is" \
			in_ns "$client" labnet conns -n 1 -request -server-closes -timeout 900ms "$vip:80"
		# What stock keeps of the last one has to be older than the pause
		# that the module leaves for its last packets.
		wait_until 1 false || true
	done
	capture_stop reuse$family >"$lab_tmp/reuse$family.txt"
	expect_eq "IPv$family: ended connections gave the port" 4 "$(($(counter "$director" fullnat_port_reclaimed) - reclaimed))"
	poll_until 5 "IPv$family: rs1 holds the port in TIME_WAIT" in_time_wait "$(lip 1 $family)"
	check "IPv$family: initial sequence numbers grow" ascending 5 seq $family
	check "IPv$family: time stamps grow" ascending 5 "TS val" $family

	# A hundred ports, a thousand connections.
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=5099
	out=$(in_ns "$client" labnet conns -n 1000 -parallel 8 -request -server-closes "$vip:80")
	expect_match "IPv$family: 1000 connections over 100 ports" '"opened":1000,"failed":0' "$out"
	expect_within "IPv$family: at most one connection per port" 1 100 "$(conns_of -t "$vip:80" "$(lip 1 $family)")"
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=65535
done
