# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# By which functions a segment of an established TCP connection is handled, and
# how many instructions each takes: a clock of the kernel's samples the program
# that sends, which all of it happens in, sending included. Lines "profile SIDE
# FAMILY WAY INSTRUCTIONS FUNCTION"; inlined functions are part of those that call
# them, and what runs with interrupts off is part of what lets them on.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# modules: ip_vs_fullnat ip_vs
# timeout: 1800
# shellcheck disable=SC2154 # lib.sh's variables
. /lab/lib-bench.sh

bench_lab
silence "$client"
silence "$rs1"
for family in ${LAB_FAMILIES:-4}; do
	for side in $(LAB_SIDES="${LAB_SIDES:-routing nat fullnat fullnat-fast}" wanted routing flowtable nat fullnat fullnat-fast masquerade); do
		side_on "$side" "$family"
		packet_cost "$family" -flows "${LAB_FLOWS:-64}" -n "${LAB_PACKETS:-16384}" -size "${LAB_SIZE:-100}" -profile \
			"${packet_args[@]}" >"$lab_tmp/profile"
		sed -n "s/^profile \(.*\)/# profile $side IPv$family \1/p" "$lab_tmp/profile"
		for way in forward reply; do
			# Of 2000 samples a share of 3 percent is known to one in eight.
			expect_within "IPv$family, $side, $way: samples" 2000 1000000 \
				"$(sed -n "s/^samples $way //p" "$lab_tmp/profile")"
		done
		side_off
	done
done
