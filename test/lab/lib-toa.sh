# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For scenes about TOA on the real server, by kernel/toa or by toa-bpf. Sourced by
# lib.sh.
#
# Scenes are written for the module; behind "toa_is bpf" the same ones are about
# toa-bpf (test/lab/long/22*). What only one of them has is asked for with "by".
#
# The director of these scenes is a program (labnet insert) that puts options
# into what the client sends and does nothing else: the real server's peer is the
# client, and the option tells another address. Scenes of toa patch the kernel's
# text under traffic, which QEMU gets wrong with a thread per CPU:
#   # qemu: -accel tcg,thread=single -smp 2

# Whom the inserter tells: the port is the wire's, with the mask.
# shellcheck disable=SC2034
told_ip4=203.0.113.7 told_ip6=2001:db8:77::7

# setup_insert: packets of the client go through the TUN device "ins".
setup_insert() {
	setup_lab
	set_routes "$rs1" 10.0.1.1 2001:db8:1::1 "$client_net4" "$client_net6"
	modprobe tun
	in_ns "$director" ip tuntap add ins mode tun multi_queue
	ip -n "$director" link set ins up
	ip -n "$director" route add default dev ins table 100
	ip -n "$director" -6 route add default dev ins table 100
	ip -n "$director" rule add iif cl lookup 100
	ip -n "$director" -6 rule add iif cl lookup 100
	insert_off
	start_in "$director" insert labnet insert -tun ins -rules "$lab_tmp/rules"
	wait_log insert '^READY'
}

# insert [-also] [-on STAGES] [-last] OPTION...: the director puts these in from now
# on, or (-also) in stages for which nothing was said yet; stages are syn, ack, data
# (the first) and late, with commas.
insert() {
	local stages=syn,ack,data where=first
	: >"$lab_tmp/rules.new"
	if [ "$1" = -also ]; then
		cp "$lab_tmp/rules" "$lab_tmp/rules.new"
		shift
	fi
	if [ "$1" = -on ]; then
		stages=$2
		shift 2
	fi
	if [ "$1" = -last ]; then
		where=last
		shift
	fi
	echo "# the director inserts on $stages, $where: $*"
	echo "$stages $where $*" >>"$lab_tmp/rules.new"
	mv "$lab_tmp/rules.new" "$lab_tmp/rules"
}

# insert_off: it passes everything on as it is.
insert_off() {
	: >"$lab_tmp/rules.new"
	mv "$lab_tmp/rules.new" "$lab_tmp/rules"
}

# toa_option 4|6: the option of the family, as directors send it.
toa_option() {
	case $1 in
	4) echo "v4:254:$told_ip4" ;;
	6) echo "v6:253:$told_ip6" ;;
	esac
}

# answer PORT [ARGS of sockserve]: a server on rs1.
answer() {
	local port=$1
	shift
	start_in "$rs1" "answer-$port" labnet sockserve -port "$port" "$@"
	wait_log "answer-$port" '^READY'
}

# ask 4|6 PORT [ARGS of sockask]: what the server says.
ask() {
	local family=$1 port=$2
	shift 2
	in_ns "$client" labnet sockask "$@" "$(rs 1 "$family" "$port")"
}

# expect_told DESCRIPTION ADDRESS ANSWER: accept() and getpeername() both give
# the address, with the port that was told.
expect_told() {
	local port
	port=$(sed -n 's/.* told=\([0-9]*\) .*/\1/p' <<<"$3")
	expect_match "$1" " accept=$(regex "$(host "$2"):$port") peer=$(regex "$(host "$2"):$port") " "$3"
}

# expect_wire DESCRIPTION ADDRESS ANSWER: both give the address on the wire.
expect_wire() {
	local port
	port=$(sed -n 's/^local=[^ ]*:\([0-9]*\) .*/\1/p' <<<"$3")
	expect_match "$1" " accept=$(regex "$(host "$2"):$port") peer=$(regex "$(host "$2"):$port") " "$3"
}

# Of MPTCP connections with more than one subflow: the client's other address, and
# whom the inserter tells on what comes behind the first subflow.
second_ip4=192.0.2.11 other_ip4=203.0.113.8

subflow_joined() {
	in_ns "$rs1" ss -tnH state established sport = :7013 dst $second_ip4 | grep -q .
}

first_subflow_is_gone() {
	! in_ns "$client" ss -tnH state all src "$client_ip4" sport = :21003 | grep -q .
}

# subflows_begin PORT: an MPTCP connection from there, with a second subflow that
# has joined.
subflows_begin() {
	rm -f "$lab_tmp/again"
	start_in "$client" subflows labnet sockask -mptcp -local-port "$1" -again "$lab_tmp/again" "$(rs 1 4 7013)"
	wait_log subflows '^first='
	insert "v4:254:$other_ip4"
	in_ns "$client" ip mptcp endpoint add $second_ip4 dev eth0 id 7 subflow
	poll_until 10 "a second subflow, with the option of another client, has joined" subflow_joined
}

# subflows_end: sets out to what its server says of it then.
subflows_end() {
	touch "$lab_tmp/again"
	finish subflows || true
	out=$(tail -n 1 "$lab_tmp/subflows.log")
	in_ns "$client" ip mptcp endpoint del id 7
}

# check_subflows: whose MPTCP connections are that have more than one subflow.
check_subflows() {
	local out
	answer 7013 -mptcp -again
	ip -n "$client" address add $second_ip4/24 dev eth0
	in_ns "$client" ip mptcp limits set subflow 2
	in_ns "$rs1" ip mptcp limits set subflow 2

	insert "$(toa_option 4)"
	subflows_begin 21001
	subflows_end
	expect_told "MPTCP: a connection is its first subflow's" "$told_ip4" "$out"
	insert_off
	subflows_begin 21002
	subflows_end
	expect_wire "MPTCP: without an option there, it stays the wire's" "$client_ip4" "$out"

	# The first one is gone, and somebody else has its addresses.
	insert "$(toa_option 4)"
	subflows_begin 21003
	in_ns "$rs1" ss -KtnH state established sport = :7013 dst "$client_ip4" dport = :21003 >/dev/null
	poll_until 10 "MPTCP: the client has heard that its first subflow was reset" first_subflow_is_gone
	insert "v4:254:$other_ip4"
	expect_told "MPTCP: another connection with the addresses of a first subflow that was reset" "$other_ip4" \
		"$(ask 4 7013 -mptcp -local-port 21003)"
	subflows_end
	if by bpf; then
		expect_told "MPTCP: the one that had them keeps its client" "$told_ip4" "$out"
	else
		expect_match "MPTCP: the one that had them is not told the other's client" \
			" accept=$(regex "$told_ip4:$((21003 ^ 0x5555))") peer=$(regex "$client_ip4:21003") " "$out"
	fi
	ip -n "$client" address del $second_ip4/24 dev eth0
}

# toa_is module|bpf: what the scene is about.
toa_by=module
toa_is() {
	toa_by=$1
}

# by module|bpf: is it that?
by() {
	[ "$toa_by" = "$1" ]
}

# toa_load [KEY=VALUE...]: with these settings.
toa_load() {
	if by module; then modprobe toa "$@"; else toa-bpf load --nat64 "${@/#/--}"; fi
}

toa_unload() {
	if by module; then rmmod toa; else toa-bpf unload; fi
}

# toa_stats: in the form of /proc/net/toa_stats. Those of toa-bpf are of all
# namespaces together.
toa_stats() {
	if by module; then in_ns "$rs1" cat /proc/net/toa_stats; else toa-bpf stats; fi
}

# toa_counter NAME: of rs1.
toa_counter() {
	toa_stats | awk -v n="$1" '$1 == n || $1 == n ":" { for (i = 2; i <= NF; i++) s += $i; found = 1 }
		END { if (!found) exit 1; printf "%d\n", s }' ||
		{ echo "no counter $1" >&2; return 1; }
}

# expect_toa_delta DESCRIPTION NAME DELTA COMMAND...: as expect_counter_delta.
expect_toa_delta() {
	local description=$1 name=$2 want=$3 before out
	shift 3
	before=$(toa_counter "$name")
	if ! out=$("$@" 2>&1); then
		not_ok "$description" "command: $*" "$out"
		return
	fi
	expect_eq "$description" "$want" "$(($(toa_counter "$name") - before))"
}

# toa_set KEY=VALUE...: settings of rs1, without "net.toa.".
toa_set() {
	if by module; then set_sysctl "$rs1" "${@/#/net.toa.}"; else toa-bpf set "${@/#/--}"; fi
}

# toa_get KEY: a setting of rs1.
toa_get() {
	if by module; then
		in_ns "$rs1" sysctl -n "net.toa.$1"
	else
		toa-bpf status | sed -n "s/^$1: *//p"
	fi
}

# toa_conns: the real server's live mappings: local address, peer, client.
toa_conns() {
	if by module; then in_ns "$rs1" sed 1d /proc/net/toa_conn; else toa-bpf list -H | cut -d' ' -f1-3; fi
}

# toa_live: how many there are in all.
toa_live() {
	if by module; then
		cat /sys/module/toa/parameters/live
	else
		toa-bpf status | sed -n 's/^connections: *//p'
	fi
}

# toa_nothing_left: each entry has been freed, and what was kept of SYNs given back.
# toa-bpf keeps nothing of its own.
toa_nothing_left() {
	[ "$(toa_counter toa_entry_alloc)" -eq "$(toa_counter toa_entry_free)" ] && [ -z "$(toa_conns)" ] || return 1
	by bpf || [ "$(toa_counter toa_syn_kept)" -eq "$(toa_counter toa_syn_done)" ]
}

# ask_field NAME JSON: a number of a sockask report.
ask_field() {
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" <<<"$2"
}
