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

# cost NAME TARGET: appends connection and getpeername to the lists of NAME.
cost() {
	local line
	line=$(labnet acceptcost -server "$rs1" -client "$client" "$2")
	echo "$(ask_field connection "$line") $(ask_field getpeername "$line")" >>"$lab_tmp/cost.$1"
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
# What the option adds is the difference between two figures that the director is
# in, less what it is with nothing.
base=$(middle direct-nothing 1)
option_base=$(($(middle toa-nothing 1) - $(middle plain-nothing 1)))
declare -A plain=() option=()
for by in nothing module bpf bpf-no-syn; do
	plain[$by]=$(($(middle "direct-$by" 1) - base))
	option[$by]=$(($(middle "toa-$by" 1) - $(middle "plain-$by" 1) - option_base))
	echo "# $by: a connection without the option $((base + plain[$by])) (+${plain[$by]}), the option +${option[$by]};" \
		"getpeername without $(middle "plain-$by" 2), with it $(middle "toa-$by" 2)"
done
# Both ends are in the figure; the server is about half of it. A figure comes again
# within one in a hundred: these are bounds for that, too.
expect_within "module, a plain connection: +${plain[module]}, less than 3 %" -500 $((base * 3 / 100)) "${plain[module]}"
expect_within "module, one with the option: +${option[module]} on top, together less than 6 %" \
	-500 $((base * 6 / 100 - plain[module])) "${option[module]}"
# BPF is called at more places of a connection, and for both of its ends here.
expect_within "toa-bpf, a plain connection: +${plain[bpf]}, less than 8 %" -500 $((base * 8 / 100)) "${plain[bpf]}"
expect_within "toa-bpf, one with the option: +${option[bpf]} on top, together less than 12 %" \
	-500 $((base * 12 / 100 - plain[bpf])) "${option[bpf]}"
