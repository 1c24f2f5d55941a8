# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a segment of an established connection and a new connection's SYN cost
# beside 1, 1 000 and 100 000 other connections, in instructions, and the memory
# that a connection takes. LAB_CONNS: other numbers; a million wants
# IPVS_FULLNAT_MEMORY=4096 and a quarter of an hour.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# modules: ip_vs_fullnat
# timeout: 3600
# shellcheck disable=SC2154 # lib.sh's variables
. /lab/lib-bench.sh

packets=${LAB_PACKETS:-1024}
size=${LAB_SIZE:-100}
flows=64
# As docs/sizing.md has it: about as many buckets as connections.
rmmod ip_vs_fullnat ip_vs
modprobe ip_vs conn_tab_bits=20
modprobe ip_vs_fullnat
modprobe nf_conntrack
sysctl -qw net.netfilter.nf_conntrack_max=4000000 net.netfilter.nf_conntrack_buckets=1048576

# others FAMILY FIRST COUNT: that many connections of clients behind the client,
# whose SYN and ACK came by; prints what a SYN costs.
others() {
	local first
	if [ "$1" = 4 ]; then first=198.18.$2.1; else first=2001:db8:5:$2::1; fi
	field first "$(packet_cost "$1" -first -ack -from "$(host "$first"):10000" -flows "$3")"
}

# kernel_memory: bytes that the kernel has allocated for what it keeps: free memory
# moves with pages that nobody has asked for.
kernel_memory() {
	awk '/^(Slab|VmallocUsed|Percpu):/ { kb += $2 } END { printf "%d\n", kb * 1024 }' /proc/meminfo
}

# connections: how many the service's real server has.
connections() {
	ipvs -Ln | awk '$1 == "->" && $6 ~ /^[0-9]+$/ { n += $5 + $6 } END { print n + 0 }'
}

# new_lab: nothing is left of the side before.
new_lab() {
	end_labs
	bench_lab
	silence "$client"
	silence "$rs1"
	set_routes "$director" "$client_ip4" "$client_ip6" 198.18.0.0/15 2001:db8:5::/48
}

# more_addresses FAMILY COUNT: local addresses, each good for 60 000 connections.
more_addresses() {
	local i count=$(($2 / 50000 + 1)) length=32
	[ "$1" = 4 ] || length=128
	for ((i = addresses + 1; i <= count; i++)); do
		# The lab gives the director four.
		[ $i -le 4 ] || set_addresses "$director" lo "$(lip $i "$1")/$length"
		case $side in fullnat*) ipvs -P -t "$target" -z "$(lip $i "$1")" ;; esac
	done
	addresses=$((count > addresses ? count : addresses))
	case $side in
	masquerade)
		# An address has no more ports for nft, either, which would give each
		# client one only.
		[ "$1" = 4 ] || return 0
		in_ns "$director" nft 'flush table inet masq'
		in_ns "$director" nft "add rule inet masq post oifname rs1 snat ip to jhash ip saddr . tcp sport mod 4 map {
			0 : $(lip 1 4), 1 : $(lip 2 4), 2 : $(lip 3 4), 3 : $(lip 4 4) }"
		;;
	esac
}

# measure SIDE FAMILY
measure() {
	local family=$2 have=0 step=0 count before bytes first report way
	side=$1 addresses=1
	new_lab
	side_on "$side" "$family"
	for count in ${LAB_CONNS:-1 1000 100000}; do
		more_addresses "$family" "$count"
		step=$((step + 1))
		before=$(kernel_memory)
		first=$(others "$family" $step $((count - have)))
		bytes=$((($(kernel_memory) - before) / (count - have)))
		expect_within "IPv$family, $side: connections beside those that are measured" "$count" $((count + 1000)) "$(connections)"
		if [ "$side" = masquerade ]; then
			expect_within "IPv$family, $side: conntrack has them, too" "$count" $((3 * count + 1000)) "$(in_ns "$director" conntrack -C)"
		fi
		have=$count
		report=$(packet_cost "$family" -from "$(host "$(addr client_ip "$family")"):$((10000 + 1000 * step))" \
			-flows $flows -n "$packets" -size "$size")
		for way in forward reply; do
			figure scale-connections "$side" "$family" $way instructions/packet "$(field $way "$report")" "connections=$count"
		done
		# One alone is not a figure: it is the first of all.
		[ "$count" -ge 1000 ] || continue
		figure scale-new "$side" "$family" syn instructions/SYN "$first" "connections=$count"
		[ "$count" -ge 100000 ] || continue
		figure memory "$side" "$family" whole bytes/connection "$bytes" "connections=$count"
	done
	side_off
}

for family in ${LAB_FAMILIES:-4}; do
	for side in $(wanted nat fullnat fullnat-fast masquerade); do
		measure "$side" "$family"
	done
done
