# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SNAT zones changed while they are in use, the log of translations, and the end:
# a drain, and a namespace that goes with its flows.
# timeout: 300
# once: newest

. /lab/lib-snat.sh
setup_snat_lab
serve "$out" out
switch_on
zone 1 4 "$lip4"
zone 1 6 "$lip6"

# pieces 4|6: datagrams of one flow, in fragments.
pieces() {
	in_ns "$in1" labnet udp-echo -size 4000 -bind "$(host "$(in_ip 1 "$1")"):4011" "$(outside "$1" 53)"
}

# The log: begin and end.
start_in "$director" log ipvsadm-go --snat-log
poll_until 10 "the log has what begins" eval 'seen_from "$in1" 4 >/dev/null; grep -q " new tcp $in1_ip4:.* -> $out_ip4:80 as $lip4:" "$lab_tmp/log.log"'

# Edits under load: nobody loses a connection.
start_in "$in1" keep labnet keep -n 20 -interval 50ms -timeout 30s "$(outside 4 80)"
wait_log keep READY
for _ in $(seq 8); do
	ipvs -K --zone 10.1.0.10/32
	ipvs -U --zone 10.1.0.10/32 -z "$(lip 2 4)"
	seen_from "$in1" 4 >/dev/null
	ipvs -W --zone 10.1.0.10/32 -z "$(lip 2 4)"
	ipvs -V --zone 10.1.0.10/32
done
for family in 4 6; do
	check "IPv$family: a flow of datagrams in fragments" pieces $family
	ipvs -V --zone "$(in_net 1 $family)"
done
expect_kept "connections outlive edits of zones, and the zone itself" keep
# Nobody but us puts fragments together here.
capture_start "$router" near inside "net $in1_net4 or net $in1_net6"
for family in 4 6; do
	check "IPv$family: fragments outlive the zone" pieces $family
done
expect_eq "and none leaves with the machine's address" "" "$(capture_stop inside)"

# The module cannot go under flows; a drain ends them under traffic.
zone 1 4 "$lip4"
zone 1 6 "$lip6"
start_in "$in1" noise labnet udp-echo -flows 0 -timeout 5ms "$(outside 6 53)"
start_in "$in1" hold labnet conns -n 20 -reset -request -hold 600s "$(outside 4 8080)"
wait_log hold '"opened":20'
check_fails "rmmod is refused under flows" rmmod ip_vs_fullnat
ipvs --drain
poll_until 15 "drained" flows_done
poll_until 10 "the log has what ends" grep -q " end tcp $in1_ip4:.* -> $out_ip4:80 as $lip4:" "$lab_tmp/log.log"
stop log || true
removed=0
for _ in 1 2 3 4 5; do
	wait_until 10 rmmod ip_vs_fullnat || break
	removed=$((removed + 1))
	modprobe ip_vs_fullnat
	ipvs -C
	switch_on
	zone 1 6 "$lip6"
	wait_until 10 eval '[ "$(counter "$director" snat_conn_new)" -gt 0 ]' || break
	ipvs --drain
done
expect_eq "then it is removed under traffic, and comes back, five times" 5 $removed
check "which went on all the while" kill -0 "${lab_pid[noise]}"
stop noise || true
stop hold KILL || true
poll_until 15 "drained again" flows_done
ipvs -C
switch_on

# A namespace that dies takes its flows along; the runner finds what is left.
# The machine's ends go by RST: nobody is left who would answer a FIN.
zone 1 6 "$lip6"
start_in "$in1" last labnet conns -n 20 -reset -request -hold 600s "$(outside 6 8080)"
wait_log last '"opened":20'
ip netns del "$director"
check "the module lives on" test -d /sys/module/ip_vs_fullnat
