# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a whole TCP connection costs, in instructions: connect, a request of 100
# bytes, an answer of 1000, close; and what a megabyte of bulk data costs, with
# segmentation and merging by the devices. Both ends are real sockets; what they
# cost by themselves is side "direct", a wire without a director in it.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# modules: ip_vs_fullnat ip_vs
# timeout: 1800
# shellcheck disable=SC2154 # lib.sh's variables
. /lab/lib-bench.sh

connections=${LAB_CONNECTIONS:-100}
megabytes=${LAB_MEGABYTES:-8}
bench_lab
set_routes "$rs1" 10.0.1.1 2001:db8:1::1 "$client_net4" "$client_net6"
# The way past the director: the wire of "direct", and of DR's answers.
link "$rs1" back "$client" back
set_addresses "$rs1" back 10.0.8.11/24 2001:db8:8::11/64
set_addresses "$client" back 10.0.8.10/24 2001:db8:8::10/64

# past_director add|del FAMILY: DR's real server has the service's address, and
# answers by itself.
past_director() {
	local via=10.0.8.10 length=32
	if [ "$2" = 6 ]; then via=2001:db8:8::10 length=128; fi
	local -a nodad=()
	if [ "$1$2" = add6 ]; then nodad=(nodad); fi
	ip -n "$rs1" "-$2" address "$1" "$(addr vip "$2")/$length" dev lo "${nodad[@]}"
	ip -n "$rs1" "-$2" route "$1" "$(addr client_ip "$2")/$length" via $via
}

# passed: packets that have come to the director, both ways; one for as many
# segments as a device merges or is given at once.
passed() { in_ns "$director" cat /sys/class/net/{cl,rs1}/statistics/rx_packets | awk '{ n += $1 } END { print n }'; }

# measure SIDE FAMILY
measure() {
	local side=$1 family=$2 report before
	local -a both=(labnet conncost -client "$client" -server "$rs1")
	if [ "$side" = direct ]; then
		side_on routing "$family"
		target=10.0.8.11:$bench_port
		[ "$family" = 4 ] || target="[2001:db8:8::11]:$bench_port"
	else
		side_on "$side" "$family"
	fi
	if [ "$side" = dr ]; then past_director add "$family"; fi
	report=$("${both[@]}" -port "$bench_port" -n "$connections" "$target")
	figure tcp-connection "$side" "$family" whole instructions/connection "$(field connection "$report")"
	before=$(passed)
	report=$("${both[@]}" -port "$bench_port" -mb "$megabytes" "$target")
	if [ "$side" != direct ]; then
		figure tcp-bulk-packets "$side" "$family" mean packets/MB $((($(passed) - before) / (2 * megabytes)))
	fi
	figure tcp-bulk "$side" "$family" forward instructions/MB "$(field up "$report")"
	figure tcp-bulk "$side" "$family" reply instructions/MB "$(field down "$report")"
	if [ "$side" = dr ]; then past_director del "$family"; fi
	side_off
	ok "IPv$family, $side: each connection was served"
}

for family in $bench_families; do
	sides=(direct routing flowtable nat dr fullnat fullnat-fast fullnat-synproxy masquerade nft-synproxy snat-zone nft-snat)
	for side in $(wanted "${sides[@]}"); do
		measure "$side" "$family"
	done
done
