# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a segment of an established connection and a new connection's SYN cost
# with 1, 1 000 and 10 000 services, with 1, 16 and 256 local addresses, and with
# 5, 50 and 95 % of the local ports taken, in instructions.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# modules: ip_vs_fullnat ip_vs
# timeout: 3600
# shellcheck disable=SC2154 # lib.sh's variables
. /lab/lib-bench.sh

packets=${LAB_PACKETS:-1024}
size=${LAB_SIZE:-100}
bench_lab
silence "$client"
silence "$rs1"
set_routes "$director" "$client_ip4" "$client_ip6" 198.18.0.0/15 2001:db8:5::/48
step=0

# syns COUNT: sets syn to what the SYN of each of so many new connections costs.
# Not by printing it: in a subshell the next ones would be of the same clients.
syns() {
	step=$((step + 1))
	syn=$(field first "$(packet_cost 4 -first -from "198.18.$step.1:10000" -flows "$1")")
}

# established CASE SIDE AT: figures of established connections.
established() {
	local report way
	report=$(packet_cost 4 -from "$client_ip4:$((10000 + 100 * step))" -flows 64 -n "$packets" -size "$size")
	for way in forward reply; do
		figure "$1" "$2" 4 $way instructions/packet "$(field $way "$report")" "$3"
	done
}

for side in $(wanted nat fullnat fullnat-fast); do
	side_on "$side" 4
	have=1
	for count in ${LAB_SERVICES:-1 1000 10000}; do
		for ((; have < count; have++)); do
			echo "-A -t 203.$((have / 62500)).$((have / 250 % 250)).$((have % 250 + 1)):100 -s rr"
		done >"$lab_tmp/services"
		ipvs -R <"$lab_tmp/services"
		syns 1000
		figure scale-services-new "$side" 4 syn instructions/SYN "$syn" "services=$count"
		established scale-services "$side" "services=$count"
	done
	expect_eq "$side: $have services" "$have" "$(ipvs -Sn | grep -c '^-A')"
	side_off
done

for side in $(wanted fullnat fullnat-fast); do
	side_on "$side" 4
	have=1
	for count in ${LAB_ADDRESSES:-1 16 256}; do
		for ((; have < count; have++)); do
			ip -n "$director" address replace "10.0.$((16 + have / 200)).$((have % 200 + 1))/32" dev lo
			echo "-P -t $target -z 10.0.$((16 + have / 200)).$((have % 200 + 1))"
		done >"$lab_tmp/addresses"
		ipvs -R <"$lab_tmp/addresses"
		syns 1000
		figure scale-addresses-new "$side" 4 syn instructions/SYN "$syn" "addresses=$count"
		established scale-addresses "$side" "addresses=$count"
	done
	expect_eq "$side: $have local addresses" "$have" "$(ipvs -Sn | grep -c '^-P')"
	side_off
done

# Those of one address towards one real server: 10 000.
set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=20000 net.ipv4.vs.fullnat_lport_max=29999
for side in $(wanted fullnat); do
	side_on "$side" 4
	for percent in 5 50 95; do
		have=$(counter "$director" fullnat_conn_bound)
		: "${ports_from:=$have}"
		# Half of those that are timed come before, half behind.
		syns $((percent * 100 - 100 - have + ports_from))
		syns 200
		figure scale-ports-new "$side" 4 syn instructions/SYN "$syn" "percent=$percent"
	done
	expect_eq "$side: each had a port" 0 "$(counter "$director" fullnat_no_port)"
	expect_eq "$side: 96 % are taken" 9600 "$(conns_of -t "$target" "$(lip 1 4)")"
	side_off
done
