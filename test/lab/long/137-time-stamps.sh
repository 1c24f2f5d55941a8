# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# fullnat_timestamp_remove_entry 0 beside 1: which serves users better? Transfers
# over wires with loss, and with packets that overtake each other; and ports
# that are used again while the real server holds them in TIME_WAIT. The two take
# turns; what is printed are medians. docs/counters.md has the result.
# timeout: 900

setup_lab
serve_everywhere
rounds=3
vip=$vip4
fullnat_service -t 4 80
ipvs -d -t "$vip:80" -r "$rs2_ip4:80"

watched=(RetransSegs TCPTimeouts TCPLossUndo TCPDSACKUndo TCPFullUndo TCPPartialUndo TCPSpuriousRTOs)

# transfer REMOVE: prints KB/s, and by how much the real server's counters grew.
transfer() {
	local name out
	local -a before=()
	set_sysctl "$director" net.ipv4.vs.fullnat_timestamp_remove_entry="$1"
	for name in "${watched[@]}"; do before+=("$(tcp_stat "$rs1" "$name")"); done
	out=$(in_ns "$client" labnet fetch -parallel 4 -size 512K -direction down "http://$vip:80") || { echo "$out" >&2; return 1; }
	sed -n 's/.*"bytes":\([0-9]*\),"seconds":\([0-9.]*\).*/\1 \2/p' <<<"$out" | awk '{ printf "%d", $1 / $2 / 1024 }'
	for name in "${watched[@]}"; do
		printf ' %d' $(($(tcp_stat "$rs1" "$name") - before[0]))
		before=("${before[@]:1}")
	done
	echo
}

# medians FILE: of each column.
medians() {
	local column
	for ((column = 1; column <= 1 + ${#watched[@]}; column++)); do
		awk -v c=$column '{ print $c }' "$1" | sort -n | awk '{ v[NR] = $1 } END { printf "%d ", v[int((NR + 1) / 2)] }'
	done
}

wires() {
	local ns
	for ns in "$client" "$rs1"; do
		# shellcheck disable=SC2086  # words
		in_ns "$ns" tc qdisc replace dev eth0 root netem limit 10000 $1
	done
}

for wire in "delay 20ms loss 1%" "delay 20ms 8ms"; do
	wires "$wire"
	for ((i = 0; i < rounds; i++)); do
		for remove in $((i % 2)) $((1 - i % 2)); do
			transfer $remove >>"$lab_tmp/$remove.txt"
		done
	done
	expect_eq "netem $wire: all transfers compare" $((2 * rounds)) "$(cat "$lab_tmp"/[01].txt | wc -l)"
	echo "# netem $wire, each way: KB/s ${watched[*]}"
	echo "#   translated: $(medians "$lab_tmp/0.txt")"
	echo "#   removed:    $(medians "$lab_tmp/1.txt")"
	rm "$lab_tmp"/[01].txt
done
for ns in "$client" "$rs1"; do in_ns "$ns" tc qdisc del dev eth0 root; done

# Six clients, eight ports: nearly each connection meets a TIME_WAIT.
set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=5000 net.ipv4.vs.fullnat_lport_max=5007
for i in 20 21 22 23 24 25; do set_addresses "$client" eth0 "192.0.2.$i/24"; done
for remove in 0 1; do
	set_sysctl "$director" net.ipv4.vs.fullnat_timestamp_remove_entry=$remove
	reclaimed=$(counter "$director" fullnat_port_reclaimed)
	syns=$(tcp_stat "$client" TCPSynRetrans)
	refused=$(counter "$director" fullnat_no_port)
	failed=0
	for ((i = 0; i < 24; i++)); do
		in_ns "$client" labnet conns -n 1 -request -server-closes -bind "192.0.2.$((20 + i % 6))" "$vip:80" >/dev/null || failed=$((failed + 1))
	done
	refused=$(($(counter "$director" fullnat_no_port) - refused))
	syns=$(($(tcp_stat "$client" TCPSynRetrans) - syns))
	echo "# removed $remove: 24 connections, $failed failed, $(($(counter "$director" fullnat_port_reclaimed) - reclaimed)) on a port in TIME_WAIT, SYNs sent again $syns, for want of a port $refused"
	expect_eq "removed $remove: each was served" 0 $failed
	# A real server that refuses does so nearly each time; one more is a machine
	# that has stood still for the second of a SYN.
	expect_within "removed $remove: no real server refused a port" $refused $((refused + 2)) $syns
done
