# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: ip_vs_fullnat
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# timeout: 900
# What kernel/toa costs, in instructions: the clock of this machine counts them.
# Connections through FULLNAT with and without the option, to a real server with
# and without the module, the two in turns.

setup_lab
svc=$(svc 4 80)
ipvs -A -t "$svc" -s rr
ipvs -a -t "$svc" -r "$(rs 1 4 80)" -b
ipvs -P -t "$svc" -z "$(lip 1 4)"
set_routes "$rs1" 10.0.1.1 2001:db8:1::1 "$client_net4"

# cost NAME TARGET: appends connection and getpeername to the lists of NAME.
cost() {
	local line
	line=$(labnet acceptcost -server "$rs1" -client "$client" -n 20 "$2")
	echo "$(ask_field connection "$line") $(ask_field getpeername "$line")" >>"$lab_tmp/cost.$1"
}

# middle FILE COLUMN: the median.
middle() {
	cut -d' ' -f"$2" "$lab_tmp/cost.$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

one_round() {
	set_sysctl "$director" net.ipv4.vs.fullnat_toa_entry=0
	cost "plain-$1" "$svc"
	set_sysctl "$director" net.ipv4.vs.fullnat_toa_entry=1
	cost "toa-$1" "$svc"
	cost "direct-$1" "$(rs 1 4 80)"
}

for _ in 1 2 3 4 5; do
	one_round without
	modprobe toa
	one_round with
	rmmod toa
done
declare -A with=() without=()
for what in direct plain toa; do
	without[$what]=$(middle $what-without 1) with[$what]=$(middle $what-with 1)
	name_without=$(middle $what-without 2) name_with=$(middle $what-with 2)
	echo "# $what: connection ${without[$what]}, with the module ${with[$what]};" \
		"getpeername $name_without, with it $name_with (+$((name_with - name_without)))"
done
base=${without[direct]} added=$((with[direct] - without[direct]))
# Both ends are in the figure; the server is about half of it.
expect_within "a plain connection: +$added, less than 3 % of the server's half" -1000000 $((base * 3 / 200)) $added
# The director is in the figures of the other two, and dearer each time by the
# connections that it still holds: what the option adds is the difference between
# the two, with the module less without it.
option=$((with[toa] - with[plain] - (without[toa] - without[plain])))
expect_within "a connection with the option: +$option on top, together less than 3 % of a connection" \
	-1000000 $((base * 3 / 100 - added)) $option
