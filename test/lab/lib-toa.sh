# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For scenes about kernel/toa on the real server. Sourced by lib.sh.
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

# insert [-on STAGES] [-last] OPTION...: the director puts these in from now on;
# stages are syn, ack, data (the first) and late, with commas.
insert() {
	local stages=syn,ack,data where=first
	if [ "$1" = -on ]; then
		stages=$2
		shift 2
	fi
	if [ "$1" = -last ]; then
		where=last
		shift
	fi
	echo "# the director inserts on $stages, $where: $*"
	echo "$stages $where $*" >"$lab_tmp/rules.new"
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

# toa_counter NAME: of rs1.
toa_counter() {
	in_ns "$rs1" awk -v n="$1" '$1 == n || $1 == n ":" { for (i = 2; i <= NF; i++) s += $i; found = 1 }
		END { if (!found) exit 1; printf "%d\n", s }' /proc/net/toa_stats ||
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
	set_sysctl "$rs1" "${@/#/net.toa.}"
}

# toa_conns: the real server's live mappings.
toa_conns() {
	in_ns "$rs1" sed 1d /proc/net/toa_conn
}

# toa_nothing_left: each entry has been freed.
toa_nothing_left() {
	[ "$(toa_counter toa_entry_alloc)" -eq "$(toa_counter toa_entry_free)" ] && [ -z "$(toa_conns)" ]
}

# ask_field NAME JSON: a number of a sockask report.
ask_field() {
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" <<<"$2"
}
