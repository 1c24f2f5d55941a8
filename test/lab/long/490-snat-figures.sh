# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What SNAT costs, beside nft's: instructions for each packet of flows that there
# are, and for each new flow, in a machine whose clock counts instructions. All
# sides in one boot, over the same wires, by the same generator.
# timeout: 3000
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1

. /lab/lib-snat.sh
setup_snat_lab
modprobe pktgen
# When the softirq daemon has something to do it comes first: else the generator
# goes on meanwhile, and packets are lost in front of the director.
# shellcheck disable=SC2046 # each namespace has one
renice -n 19 -p $(pidof kpktgend_0) >/dev/null
sysctl -qw net.core.netdev_max_backlog=30000
modprobe nf_conntrack
sysctl -qw net.netfilter.nf_conntrack_max=262144 2>/dev/null || true
# The outside takes them without a word.
in_ns "$router" nft 'table inet sink { chain in { type filter hook prerouting priority raw; udp dport 9000-9001 drop; }; }'
mac=$(in_ns "$director" cat /sys/class/net/in1/address)
mac6=$mac

# pg FILE LINE...: says it to the generator of in1.
pg() {
	local file=$1 line
	shift
	for line; do
		# shellcheck disable=SC2016 # by the inner shell
		in_ns "$in1" bash -c 'echo "$1" >/proc/net/pktgen/"$2"' - "$line" "$file"
	done
}

# generate 4|6 COUNT FIRST END FLAG PORT: sends COUNT datagrams of 60 bytes with
# source ports from FIRST up to END, which pktgen leaves out; prints instructions
# for each.
generate() {
	local family=$1 count=$2 pps
	pg kpktgend_0 rem_device_all "add_device eth0"
	pg eth0 "count $count" "clone_skb 0" "pkt_size 60" "delay 0" "dst_mac $mac6" \
		"udp_src_min $3" "udp_src_max $4" "udp_dst_min $6" "udp_dst_max $6"
	if [ "$family" = 4 ]; then
		pg eth0 "src_min $in1_ip4" "src_max $in1_ip4" "dst $out_ip4"
	else
		pg eth0 "pkt_size 80" "src6 $in1_ip6" "dst6 $out_ip6"
	fi
	[ "$5" = - ] || pg eth0 "flag $5"
	pg pgctrl start
	pps=$(in_ns "$in1" sed -nE 's/^ +([0-9]+)pps.*/\1/p' /proc/net/pktgen/eth0)
	echo $((1000000000 / pps))
}

# cost 4|6: instructions for a packet of 256 flows that are under way.
cost() {
	generate "$1" 3000 20000 20256 UDPSRC_RND 9000 >/dev/null
	generate "$1" 20000 20000 20256 UDPSRC_RND 9000
}

# begin 4|6: instructions for the only packet of a new flow.
begin() {
	generate "$1" 20000 10000 30000 - 9001
}

nft_on() {
	in_ns "$director" nft "table inet nat { chain out { type nat hook postrouting priority srcnat; oifname wan $1; }; }"
}

# What it has tracked would be known to the next side.
nft_off() {
	in_ns "$director" nft 'flush ruleset'
	in_ns "$director" conntrack -F 2>/dev/null
}

# tracked DESCRIPTION: conntrack has as many flows as there were.
tracked() {
	expect_within "$1: each flow was tracked" 20256 20300 \
		"$(in_ns "$director" cat /proc/sys/net/netfilter/nf_conntrack_count)"
}

ours_on() {
	zone 1 4 "$(lip 1 4)"
	zone 1 6 "$(lip 1 6)"
	switch_on
}

ours_off() {
	ipvs -C
	ipvs --drain
	poll_until 30 "drained" flows_done
}

declare -A packet=() first=()
for family in 4 6; do
	# Neighbours are known before anything is counted.
	in_ns "$router" ping "-$family" -c 1 -W 5 "$(addr out_ip $family)" >/dev/null
	in_ns "$in1" ping "-$family" -c 1 -W 5 "$([ $family = 4 ] && echo 203.0.113.1 || echo 2001:db8:e::1)" >/dev/null
	in_ns "$director" ping "-$family" -c 1 -W 5 "$([ $family = 4 ] && echo 203.0.113.2 || echo 2001:db8:e::2)" >/dev/null

	packet[route]=$(cost $family)
	first[route]=$(begin $family)
	ours_on
	packet[ours]=$(cost $family)
	first[ours]=$(begin $family)
	expect_eq "IPv$family: each new flow was translated" 20256 \
		$(($(counter "$director" snat_conn_new) - ${begun:-0}))
	begun=$(counter "$director" snat_conn_new)
	ours_off
	nft_on "snat ip$([ $family = 4 ] || echo 6) to $(lip 1 $family)"
	packet[snat]=$(cost $family)
	first[snat]=$(begin $family)
	tracked "IPv$family, snat"
	nft_off
	nft_on masquerade
	packet[masquerade]=$(cost $family)
	first[masquerade]=$(begin $family)
	tracked "IPv$family, masquerade"
	nft_off
	packet[again]=$(cost $family)

	echo "# IPv$family route: ${packet[route]} instructions for a packet, generator and wires included; ${first[route]} for a first one"
	for side in ours snat masquerade; do
		added=$((first[$side] - first[route]))
		echo "# IPv$family $side: adds $((packet[$side] - packet[route])) instructions to a packet, $added to a first one:" \
			"$((1000000000 / added)) new flows in 10^9 instructions"
	done
	expect_within "IPv$family: plain routing costs the same behind it all as before: ${packet[again]}" \
		$((packet[route] * 97 / 100)) $((packet[route] * 103 / 100)) "${packet[again]}"
	ratio=$(((packet[ours] - packet[route]) * 100 / (packet[snat] - packet[route])))
	expect_within "IPv$family: SNAT adds at most 60 % of what nft's adds: $ratio %" 1 60 $ratio
	ratio=$(((first[ours] - first[route]) * 100 / (first[masquerade] - first[route])))
	expect_within "IPv$family: a new flow costs no more than nft's masquerade: $ratio %" 1 100 $ratio
done
