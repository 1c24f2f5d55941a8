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

# short_end: nothing is left.
short_end() {
	local family
	in_ns "$director" labnet family drain >/dev/null
	poll_until 20 "all are given back" all_given_back
	for family in 4 6; do
		expect_eq "IPv$family: -G counts none" 0 "$(conns_of -t "$(svc $family 80)" "$(lip 1 $family)")"
	done
}
