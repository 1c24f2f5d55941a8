# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Allocations that fail: each single one of toa's loading, while there is a namespace
# beside the first, of another one's birth, of settings and of new connections. What
# cannot be done is refused and leaves nothing behind; connections go on without
# their client, which is counted. As scene 158, for the debug kernel.
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# timeout: 3600
# kmsg-allow: cannot hook inet_getname|options that are on the SYN only are not seen

# shellcheck source=test/lab/lib-faults.sh
. /lab/lib-faults.sh
faults_setup

rmmod toa
# ftrace and kprobes ask for much.
fail_limit=2000
ip netns add faults-beside
fail_loading toa
ip netns del faults-beside
faults_of_module toa
fail_births
ip netns add faults-set
for setting in "kinds 253,200" "trusted 192.0.2.0/24,2001:db8::/32"; do
	file=/proc/sys/net/toa/${setting%% *}
	# shellcheck disable=SC2016 # for the shell that writes
	fail_program "setting ${setting%% *}" : ip netns exec faults-set bash -c 'echo "$1" >"$0"' "$file" "${setting#* }"
	expect_eq "it is set" "${setting#* }" "$(ip netns exec faults-set cat "$file")"
done
ip netns del faults-set

setup_insert
insert "$(toa_option 4)"
answer 7004

# connect N: one connection, whose Nth allocation fails. Others would be counted.
connect() {
	before=$(toa_counter toa_no_mem)
	fail_next "$1"
	out=$(ask 4 7004 2>&1) && status=0 || status=$?
}
connected() {
	local lost=$(($(toa_counter toa_no_mem) - before))
	if [ "$status" -ne 0 ]; then
		odd+="$fail_steps: $out"$'\n'
	elif [[ $out = *" accept=$told_ip4:"* ]]; then
		# The option comes again with the ACK.
		told=$((told + 1))
	elif [ $lost -eq 1 ]; then
		counted=$((counted + 1))
	else
		odd+="$fail_steps: lost, and not counted: $out"$'\n'
	fi
}
for stages in syn,ack,data syn ack; do
	insert -on $stages "$(toa_option 4)"
	told=0 counted=0 odd=
	faults_of_module toa 14
	fail_each connect has_failed connected
	echo "# option on $stages: $fail_steps allocations, $told told all the same, $counted not, and counted"
	expect_eq "option on $stages: each connection is made, and what it lacks is counted" "" "$odd"
	expect_within "option on $stages: allocations failed" 1 20 $fail_steps
	expect_told "option on $stages: with memory it is told" "$told_ip4" "$(ask 4 7004)"
done
poll_until 10 "nothing is left" toa_nothing_left
