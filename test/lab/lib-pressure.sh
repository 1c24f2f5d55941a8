# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Many short connections through few ports: scene 056 for seconds, long/156 with
# 200 000. Sourced by them.

# short_setup PORTS: one real server and one local address with so many ports.
short_setup() {
	local family ns
	setup_lab
	serve "$rs1" rs1
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=20000 "net.ipv4.vs.fullnat_lport_max=$((20000 + $1 - 1))"
	for ns in "$client" "$rs1"; do
		set_sysctl "$ns" net.ipv4.ip_local_port_range="1024 65535" net.ipv4.tcp_tw_reuse=1
	done
	for family in 4 6; do
		ipvs -A -t "$(svc $family 80)" -s rr
		ipvs -a -t "$(svc $family 80)" -r "$(rs 1 $family 80)" -b
		ipvs -P -t "$(svc $family 80)" -z "$(lip 1 $family)"
	done
}

# short_conns FAMILY N PARALLEL PORTS HOW...: N connections, of which each must
# succeed, ended as the options of labnet conns say.
short_conns() {
	local family=$1 n=$2 parallel=$3 ports=$4 before seconds name least
	local -A old=()
	shift 4
	for name in fullnat_conn_bound fullnat_port_reclaimed fullnat_no_port fullnat_unbound; do
		old[$name]=$(counter "$director" $name)
	done
	before=$EPOCHSECONDS
	check "IPv$family: $n connections, $parallel at a time${*:+, $*}" \
		in_ns "$client" labnet conns -n "$n" -parallel "$parallel" -timeout 30s -request "$@" "$(svc "$family" 80)"
	seconds=$((EPOCHSECONDS - before + 1))
	echo "# $seconds s; reclaimed $(($(counter "$director" fullnat_port_reclaimed) - old[fullnat_port_reclaimed])), no port $(($(counter "$director" fullnat_no_port) - old[fullnat_no_port])), unbound $(($(counter "$director" fullnat_unbound) - old[fullnat_unbound]))"
	expect_within "IPv$family: each was bound" "$n" $((n + n / 10)) \
		$(($(counter "$director" fullnat_conn_bound) - old[fullnat_conn_bound]))
	# Stock holds what has ended for two minutes, by RST for 10 s only. Then its
	# port is free by itself: that of a few, or of all when the scene ends them so
	# or a slow machine comes to few connections in that time.
	least=$((n - ports - n / 10))
	case "$*" in *-reset*) least=0 ;; esac
	[ $((n * 120 / seconds)) -gt $((2 * ports)) ] || least=0
	expect_within "IPv$family: with ports of ended ones" $least $((n + n / 10)) \
		$(($(counter "$director" fullnat_port_reclaimed) - old[fullnat_port_reclaimed]))
	# A refusal is a SYN that the client sends once more.
	expect_within "IPv$family: few SYNs were refused" 0 $((n / 10)) $(($(counter "$director" fullnat_no_port) - old[fullnat_no_port]))
	expect_within "IPv$family: and no port is taken twice" 0 "$ports" "$(conns_of -t "$(svc "$family" 80)" "$(lip 1 "$family")")"
	expect_eq "IPv$family: nor left out of the range" "" \
		"$(fullnat_conns . | awk '{ sub(/.*:/, "", $4); if ($4 < 20000 || $4 >= 20000 + '"$ports"') print }')"
}

# resets: how many RST clients and real servers have sent.
resets() {
	echo $(($(tcp_stat "$client" OutRsts) + $(tcp_stat "$rs1" OutRsts)))
}

# short_lossy ARGS of short_conns: while packets to the real server are lost and
# overtake each other. One that has not got the last of a connection still has it,
# and a new one on its port would meet it, which costs a reset.
short_lossy() {
	local family=$1 n=$2 before
	before=$(resets)
	in_ns "$director" tc qdisc replace dev rs1 root netem loss 10% delay 2ms reorder 25% 50%
	short_conns "$@"
	in_ns "$director" tc qdisc del dev rs1 root
	echo "# $(($(resets) - before)) RST"
	expect_within "IPv$family: few met an old one at the real server" 0 $((n / 10)) $(($(resets) - before))
	expect_eq "IPv$family: no two have the same port" "" "$(fullnat_conns . | awk '{ print $1, $4, $5 }' | sort | uniq -d)"
}

# short_end: nothing is left.
short_end() {
	local family
	in_ns "$director" labnet family drain >/dev/null
	poll_until 20 "all are given back" all_given_back
	for family in 4 6; do
		expect_eq "IPv$family: -G counts none" 0 "$(conns_of -t "$(svc $family 80)" "$(lip 1 $family)")"
	done
}
