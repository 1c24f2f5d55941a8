# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a new connection costs when 5 % and when 95 % of the local ports are taken:
# in instructions, which an emulator that gives each a nanosecond counts as time.
# qemu: -accel tcg,thread=single -icount shift=0,sleep=off -smp 1
# timeout: 3600

setup_director
add_client
modprobe pktgen
modprobe dummy
# A real server that takes everything, and costs next to nothing.
ip -n "$director" link add sink type dummy
set_addresses "$director" sink 10.0.7.1/24 2001:db8:7::1/64
ip -n "$director" link set sink up
ip -n "$director" neigh add 10.0.7.7 lladdr 02:00:00:00:00:07 dev sink
ip -n "$director" -6 neigh add 2001:db8:7::7 lladdr 02:00:00:00:00:07 dev sink
set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=20000 net.ipv4.vs.fullnat_lport_max=29999

pg() { in_ns "$client" bash -c "echo '$2' >/proc/net/pktgen/$1"; }
pg kpktgend_0 "add_device eth0"
pg eth0 "pkt_size 60"
pg eth0 "clone_skb 0"
pg eth0 "dst_mac $(in_ns "$director" cat /sys/class/net/cl/address)"
pg eth0 "dst $vip4"
pg eth0 "src_min $client_ip4"
pg eth0 "src_max $client_ip4"
pg eth0 "udp_dst_min 54"
pg eth0 "udp_dst_max 54"
# packets FIRST N: datagrams of N clients; prints the instructions for each.
packets() {
	pg eth0 "udp_src_min $1"
	# The highest is not used.
	pg eth0 "udp_src_max $(($1 + $2))"
	pg eth0 "count $2"
	in_ns "$client" bash -c 'echo start >/proc/net/pktgen/pgctrl'
	in_ns "$client" sed -n 's/.*OK: \([0-9]*\)(.*/\1/p' /proc/net/pktgen/eth0 | awk -v n="$2" '{ printf "%d\n", $1 * 1000 / n }'
}
# new_conns N: of clients that have not been there.
new_conns() {
	packets $((1000 + $(counter "$director" fullnat_conn_bound))) "$1"
}
# median COMMAND...: of nine runs.
median() {
	for _ in 1 2 3 4 5 6 7 8 9; do "$@"; done | sort -n | sed -n 5p
}

ipvs -A -u "$vip4:54" -s rr
ipvs -a -u "$vip4:54" -r 10.0.7.7:54 -b
ipvs -P -u "$vip4:54" -z "$lip4"
new_conns 275 >/dev/null
few=$(median new_conns 50)
expect_eq "5 % of the ports are taken by then" 725 "$(conns_of -u "$vip4:54" "$lip4")"
new_conns 8550 >/dev/null
expect_eq "then 93 %" 9275 "$(conns_of -u "$vip4:54" "$lip4")"
many=$(median new_conns 50)
expect_eq "and 97 %" 9725 "$(conns_of -u "$vip4:54" "$lip4")"
later=$(median packets 1000 50)
echo "# instructions for a new connection: $few at 5 %, $many at 95 %, ratio $(awk "BEGIN { printf \"%.2f\", $many / $few }"); for a later packet $later"
expect_within "at 95 % it costs at most twice of that at 5 %" 1 $((2 * few)) "$many"
expect_within "and more than a later packet: it was all counted" $((later + 1000)) 1000000 "$few"
expect_eq "each had a port" 0 "$(counter "$director" fullnat_no_port)"
