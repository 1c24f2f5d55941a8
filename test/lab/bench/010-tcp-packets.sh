# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a segment of an established TCP connection costs, in instructions, each
# way, beside what people run in place of FULLNAT.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# modules: ip_vs_fullnat ip_vs
# timeout: 1800
# shellcheck disable=SC2154 # lib.sh's variables
. /lab/lib-bench.sh

packets=${LAB_PACKETS:-1024}
size=${LAB_SIZE:-100}
flows=${LAB_FLOWS:-64}
bench_lab
silence "$client"
silence "$rs1"

# measure SIDE FAMILY: figures of both ways; each segment has to have arrived.
measure() {
	local side=$1 family=$2 report before_client before_server way own
	local -a ways=(forward reply)
	side_on "$side" "$family"
	if [ "$side" = dropped ]; then
		packet_args=(-blind -answer "$target")
	fi
	before_client=$(arrivals "$client") before_server=$(arrivals "$rs1")
	report=$(packet_cost "$family" -flows "$flows" -n "$packets" -size "$size" "${packet_args[@]}")
	if [ "$side" != dropped ]; then
		expect_eq "IPv$family, $side: all that the client sent arrives" \
			"$(field from_client "$report")" $(($(arrivals "$rs1") - before_server))
		own=0
		# The director answers each SYN itself.
		if [ "$side" = fullnat-synproxy ]; then own=$flows; fi
		expect_eq "IPv$family, $side: all that the server sent arrives" \
			$(($(field from_server "$report") + own)) $(($(arrivals "$client") - before_client))
	fi
	if [ "$side" = dr ]; then ways=(forward); fi
	for way in "${ways[@]}"; do
		figure tcp-packet "$side" "$family" "$way" instructions/packet "$(field "$way" "$report")" "size=$size,flows=$flows"
	done
	side_off
}

for family in $bench_families; do
	for side in $(wanted dropped routing flowtable nat dr fullnat fullnat-no-toa fullnat-fast fullnat-synproxy \
		masquerade snat-zone nft-snat); do
		measure "$side" "$family"
	done
done
