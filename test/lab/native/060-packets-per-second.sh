# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Datagrams of established flows per second of a real clock, each way, beside what
# people run in place of FULLNAT. It is for a kernel that runs as a program (uml).
# Each side has a lab of its own, and they all stand at once: in each round each
# side sends one burst, so that what else the machine does meets all of them.
# modules: ip_vs_fullnat ip_vs
# timeout: 1800
# shellcheck disable=SC2034,SC2154 # lib.sh's variables, and lib-bench.sh's
bench_proto=udp
. /lab/lib-bench.sh

rounds=${LAB_ROUNDS:-5}
burst=${LAB_BURST:-100000}
flows=${LAB_FLOWS:-64}
low=20000 last=$((20000 + flows - 1)) high=$((20000 + flows))
sides=(routing flowtable nat dr fullnat fullnat-fast masquerade snat-zone nft-snat)
declare -A clients=() directors=() servers=() ports=() arrived=()

# side_lab SIDE FAMILY: with as many local ports as there are flows, so that each of
# them leads somewhere.
side_lab() {
	bench_lab
	count_arrivals "$client" udp
	count_arrivals "$rs1" udp
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=$low net.ipv4.vs.fullnat_lport_max=$last
	side_on "$1" "$2"
	clients[$1]=$client directors[$1]=$director servers[$1]=$rs1 ports[$1]=$bench_port
}

ways_of() {
	if [ "$1" = dr ]; then echo forward; else echo forward reply; fi
}

# goes_to SIDE WAY FAMILY: where a packet is sent.
goes_to() {
	case $2/$1 in
	forward/routing | forward/flowtable | forward/snat-zone | forward/nft-snat) addr rs1_ip "$3" ;;
	forward/*) addr vip "$3" ;;
	reply/fullnat* | reply/*snat*) lip 1 "$3" ;;
	reply/masquerade) if [ "$3" = 4 ]; then echo 10.0.1.1; else echo 2001:db8:1::1; fi ;;
	reply/*) addr client_ip "$3" ;;
	esac
}

# side_burst SIDE WAY FAMILY COUNT: prints nanoseconds per packet.
side_burst() {
	local client=${clients[$1]} director=${directors[$1]} rs1=${servers[$1]}
	send_udp "$2" "$3" "$4" "$(goes_to "$1" "$2" "$3")" "${ports[$1]}"
}

# came SIDE WAY: how many have arrived at the other end by now.
came() {
	if [ "$2" = forward ]; then arrivals "${servers[$1]}"; else arrivals "${clients[$1]}"; fi
}

# say SIDE FAMILY WAY NANOSECONDS ROUND
say() {
	figure native-pps "$1" "$2" "$3" packets/second $((1000000000 / $4)) "round=$5,size=$(frame_size "$2"),flows=$flows"
}

# one_round NUMBER FAMILY SIDE...: each side and way once.
one_round() {
	local number=$1 family=$2 side way nanoseconds
	shift 2
	for side; do
		for way in $(ways_of "$side"); do
			# The timers of flows have run since the last round.
			side_burst "$side" "$way" "$family" $((flows * 2)) >/dev/null
			arrived[$side/$way]=$((${arrived[$side/$way]:-0} - $(came "$side" "$way")))
			nanoseconds=$(side_burst "$side" "$way" "$family" "$burst")
			arrived[$side/$way]=$((${arrived[$side/$way]} + $(came "$side" "$way")))
			say "$side" "$family" "$way" "$nanoseconds" "$number"
		done
	done
}

measure() {
	local family=$1 side way number
	shift
	local -a order=("$@")
	arrived=()
	for side; do
		side_lab "$side" "$family"
		# A reply is for nobody before a flow is there.
		for way in $(ways_of "$side"); do
			side_burst "$side" "$way" "$family" $((flows * 4)) >/dev/null
		done
	done
	for ((number = 1; number <= rounds; number++)); do
		one_round $number "$family" "${order[@]}"
		mapfile -t order < <(printf '%s\n' "${order[@]}" | tac)
	done
	for side; do
		for way in $(ways_of "$side"); do
			expect_eq "IPv$family, $side, $way: all that was sent arrives" $((rounds * burst)) "${arrived[$side/$way]}"
		done
	done
	end_labs
}

mapfile -t sides < <(wanted "${sides[@]}")
for family in $bench_families; do
	measure "$family" "${sides[@]}"
done
