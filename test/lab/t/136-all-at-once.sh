# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Everything goes at the same time, under load in both directions, with lost and
# late packets, few ports, connections that expire and a drain: real servers,
# services, local addresses, settings, wires, and the namespace itself. Nothing is
# left: the runner looks for references, leaks and warnings, and removes the module.
# timeout: 240
# once: newest

# load: transfers, connections that come and go, datagrams; IPv4 and IPv6.
load() {
	local family
	for family in 4 6; do
		fullnat_service -t $family 80
		fullnat_service -u $family 53
		start_in "$client" "bulk$family" labnet fetch -parallel 2 -size 50M -timeout 30s "http://$(svc $family 80)"
		start_in "$client" "short$family" labnet conns -n 100000 -parallel 2 -request -reset -timeout 500ms "$(svc $family 80)"
		start_in "$client" "udp$family" labnet udp-echo -flows 20000 -timeout 5ms "$(svc $family 53)"
	done
	wait_until 10 eval '[ "$(fullnat_conns . | wc -l)" -ge 8 ]'
}

# at_once COMMAND...: in the background; it may find that others were quicker.
at_once() {
	"$@" >/dev/null 2>&1 &
	pids+=($!)
}

for round in 1 2; do
	setup_lab
	give_up_soon "$client" "$rs1" "$rs2"
	for ns in "$client" "$rs1" "$rs2"; do
		in_ns "$ns" tc qdisc replace dev eth0 root netem delay 2ms 1ms loss 1%
	done
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=5063
	serve_everywhere
	load
	poll_until 20 "round $round: connections come and go" \
		eval '[ "$(counter "$director" fullnat_conn_done)" -gt 20 ]'
	pids=()
	at_once in_ns "$director" labnet family drain
	for family in 4 6; do
		at_once ipvs -d -t "$(svc $family 80)" -r "$(rs 1 $family 80)"
		at_once ipvs -Q -t "$(svc $family 80)" -z "$(lip 1 $family)"
		at_once ipvs -D -u "$(svc $family 53)"
		at_once ip -n "$director" -$family addr flush dev lo
	done
	at_once ipvs --set 1 1 1
	at_once ipvs -C
	at_once ip -n "$director" link del rs2
	at_once ip -n "$client" link del eth0
	[ $round != 2 ] || at_once ip netns del "$director"
	wait "${pids[@]}" || true
	for ns in "$client" "$rs1" "$rs2"; do ip netns pids "$ns" | xargs -r kill -9; done
	# Connections of services that are gone may have evaded the drain.
	[ $round = 2 ] || poll_until 20 "round $round: every connection is given back" \
		eval 'in_ns "$director" labnet family drain; all_given_back'
	for ns in "$director" "$client" "$rs1" "$rs2"; do ip netns del "$ns" 2>/dev/null || true; done
done
poll_until 20 "the module can be removed" rmmod ip_vs_fullnat
check "and be loaded again" modprobe ip_vs_fullnat
