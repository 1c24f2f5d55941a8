# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: ip_vs_fullnat
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# qemu-7.2: -accel tcg -icount shift=0,sleep=off -smp 1 -cpu max
# timeout: 1800
# What kernel/toa and toa-bpf cost, in instructions: the clock of this machine
# counts them. Connections through FULLNAT with and without the option, to a real
# server with nothing, with the module and with toa-bpf, these in turns.

setup_lab
svc=$(svc 4 80)
ipvs -A -t "$svc" -s rr
ipvs -a -t "$svc" -r "$(rs 1 4 80)" -b
ipvs -P -t "$svc" -z "$(lip 1 4)"
set_routes "$rs1" 10.0.1.1 2001:db8:1::1 "$client_net4"

# cost NAME TARGET: appends to the list of NAME what connect and accept cost, a
# question for the peer, and the whole connection until both ends are closed.
cost() {
	local line
	line=$(labnet acceptcost -server "$rs1" -client "$client" "$2")
	set -- "$1" "$(ask_field connection "$line")" "$(ask_field getpeername "$line")" "$(ask_field end "$line")"
	echo "$2 $3 $(($2 + $4))" >>"$lab_tmp/cost.$1"
}

# middle FILE COLUMN: the median.
middle() {
	cut -d' ' -f"$2" "$lab_tmp/cost.$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# in_turns COMMAND...: with each of what a real server may have.
in_turns() {
	"$@" nothing
	modprobe toa
	"$@" module
	rmmod toa
	modprobe toa syn=0
	"$@" module-no-syn
	rmmod toa
	toa-bpf load
	"$@" bpf
	toa-bpf unload
	toa-bpf load --no-syn
	"$@" bpf-no-syn
	toa-bpf unload
}

direct() {
	cost "direct-$1" "$(rs 1 4 80)"
}

by_director() {
	set_sysctl "$director" net.ipv4.vs.fullnat_toa_entry=0
	cost "plain-$1" "$svc"
	set_sysctl "$director" net.ipv4.vs.fullnat_toa_entry=1
	cost "toa-$1" "$svc"
}

# First those that the director has nothing to do with: the ends of its connections
# would be in their figures.
for _ in {1..9}; do in_turns direct; done
for _ in {1..9}; do in_turns by_director; done
# more NAME COLUMN: what the option adds with NAME: the difference between two figures
# that the director is in, less what it is with nothing.
more() {
	local with without
	with=$(($(middle "toa-$1" "$2") - $(middle "plain-$1" "$2")))
	without=$(($(middle toa-nothing "$2") - $(middle plain-nothing "$2")))
	echo $((with - without))
}

# percent PART WHOLE: with one digit behind the point.
percent() {
	awk -v part="$1" -v whole="$2" 'BEGIN { printf "%.1f", 100 * part / whole }'
}

declare -A plain=() option=()
base=()
for what in 1:accepted 3:whole; do
	column=${what%:*} name=${what#*:}
	base[column]=$(middle direct-nothing "$column")
	for by in nothing module module-no-syn bpf bpf-no-syn; do
		plain[$name-$by]=$(($(middle "direct-$by" "$column") - base[column]))
		option[$name-$by]=$(more "$by" "$column")
		echo "# $by, $name: a connection ${base[column]} +${plain[$name-$by]} ($(percent "${plain[$name-$by]}" "${base[column]}") %)," \
			"the option +${option[$name-$by]} ($(percent $((plain[$name-$by] + option[$name-$by])) "${base[column]}") % together)"
	done
done
for by in nothing module module-no-syn bpf bpf-no-syn; do
	echo "# $by: getpeername without the option $(middle "plain-$by" 2), with it $(middle "toa-$by" 2)"
done
# within NAME PERCENT PERCENT: a whole connection without the option, and with it. Both
# ends are in the figure; the server is about half of it. A figure comes again within
# one in two hundred: these are bounds for that, too.
within() {
	local without=${plain[whole-$1]} with
	with=$((without + option[whole-$1]))
	expect_within "$1, a plain connection: +$without, less than $2 %" -500 $((base[3] * $2 / 100)) "$without"
	expect_within "$1, one with the option: +$with, less than $3 %" -500 $((base[3] * $3 / 100)) "$with"
}

within module 3 4
within module-no-syn 3 3
# BPF is called at more places of a connection, and for both of its ends here.
within bpf 8 12
