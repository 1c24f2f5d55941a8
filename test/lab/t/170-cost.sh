# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What packets of established flows cost over IPv4, in instructions, against the
# bounds of "make bench", which measures the rest, too.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# modules: ip_vs_fullnat ip_vs
# once: newest
# timeout: 300
# shellcheck disable=SC2034,SC2154 # lib.sh's variables, and lib-bench.sh's
. /lab/lib-bench.sh

flows=64 packets=512
low=20000 last=$((20000 + flows - 1)) high=$((20000 + flows))
declare -A cost=()

# came: what has arrived at both ends by now.
came() {
	echo $(($(arrivals "$client") + $(arrivals "$rs1")))
}

# delivered CASE SIDE SENT BEFORE: what is lost costs less.
delivered() {
	local least=$3
	if [ "$2" = dropped ]; then return; fi
	# Some of its flows may have got other ports.
	if [ "$2" = masquerade ]; then least=$(($3 * 3 / 4)); fi
	expect_within "$1, $2: what was sent arrives" "$least" "$3" $(($(came) - $4))
}

# both_ways CASE SIDE FORWARD REPLY: what a packet costs on average.
both_ways() {
	cost[$1/$2]=$((($3 + $4) / 2))
}

udp_packet() {
	local to back way before
	local -A took=()
	case $1 in
	routing | dropped) to=$rs1_ip4 back=$client_ip4 ;;
	nat) to=$vip4 back=$client_ip4 ;;
	masquerade) to=$vip4 back=10.0.1.1 ;;
	fullnat*) to=$vip4 back=$lip4 ;;
	esac
	for way in forward reply; do
		if [ $way = reply ]; then to=$back; fi
		# The first packet of a flow is another story.
		send_udp $way 4 $((flows * 2)) "$to" "$bench_port" >/dev/null
		before=$(came)
		took[$way]=$(send_udp $way 4 $packets "$to" "$bench_port")
		delivered "udp-packet $way" "$1" $packets "$before"
	done
	both_ways udp-packet "$1" "${took[forward]}" "${took[reply]}"
}

tcp_packet() {
	local report before
	if [ "$1" = dropped ]; then packet_args=(-blind -answer "$target"); fi
	before=$(came)
	report=$(packet_cost 4 -flows $flows -n $packets -size 100 "${packet_args[@]}")
	delivered tcp-packet "$1" $(($(field from_client "$report") + $(field from_server "$report"))) "$before"
	both_ways tcp-packet "$1" "$(field forward "$report")" "$(field reply "$report")"
}

# measure PROTO SIDE...: in a lab of its own, where routing meets no hook of stock's.
measure() {
	local side ns
	bench_proto=$1
	shift
	end_labs
	bench_lab
	# As many local ports as flows of pktgen's: each leads somewhere.
	if [ "$bench_proto" = udp ]; then
		set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=$low net.ipv4.vs.fullnat_lport_max=$last
	fi
	for ns in "$client" "$rs1"; do
		if [ "$bench_proto" = udp ]; then count_arrivals "$ns" udp; else silence "$ns"; fi
	done
	for side; do
		side_on "$side" 4
		"${bench_proto}_packet" "$side"
		side_off
	done
}

# hold CASE SIDE AT PEER MOST: a line of the bounds, if both sides were measured,
# and two percent, for these are fewer packets.
hold() {
	local base=${cost[$1/dropped]} own=${cost[$1/$2]:-} peer=${cost[$1/$4]:-}
	[ -n "$own" ] && [ -n "$peer" ] || return 0
	held+="$1/$2 "
	own=$((own - base)) peer=$((peer - base))
	expect_within "$1, $2: $own, at most $5 of $4, $peer" 1 "$(awk -v most="$5" -v peer=$peer 'BEGIN { printf "%d\n", 1.02 * most * peer }')" $own
}

measure udp dropped routing nat fullnat fullnat-fast masquerade
measure tcp dropped routing nat fullnat fullnat-fast
held=
while read -r kernel case side family way at peer most; do
	case $kernel/$case/$family/$way/$at in
	"$LAB_KERNEL"/*-packet/4/mean/size=*,flows=$flows | \*/*-packet/[*4]/mean/\*) hold "$case" "$side" "$at" "$peer" "$most" ;;
	esac
done < <(sed '/^#/d' /lab/bounds.tsv)
for side in udp-packet/fullnat udp-packet/fullnat-fast tcp-packet/fullnat tcp-packet/fullnat-fast; do
	expect_match "there is a bound for $side" "$side " "$held"
done
