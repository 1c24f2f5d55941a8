# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# By which functions a segment of an established TCP connection is handled, and
# how many instructions each takes: a clock of the kernel's samples the program
# that sends, which all of it happens in. Lines "profile SIDE WAY INSTRUCTIONS
# FUNCTION"; inlined functions are part of those that call them.
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
		packet_cost "$family" -flows "${LAB_FLOWS:-64}" -n "${LAB_PACKETS:-8192}" -size "${LAB_SIZE:-100}" -profile \
			"${packet_args[@]}" >"$lab_tmp/profile"
		sed -n "s/^profile \(.*\)/# profile $side IPv$family \1/p" "$lab_tmp/profile"
		sum=$(awk '$1 == "profile" && $2 == "forward" { n += $3 } END { print n + 0 }' "$lab_tmp/profile")
		forward=$(field forward "$(tail -n 1 "$lab_tmp/profile")")
		expect_within "IPv$family, $side: the functions are most of it: $sum of $forward" \
			$((forward * 70 / 100)) $((forward * 110 / 100)) "$sum"
		side_off
	done
done
