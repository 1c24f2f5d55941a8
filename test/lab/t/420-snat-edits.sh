# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SNAT zones changed while they are in use, timeouts, the log of translations, and
# the end: a drain, and a namespace that goes with its flows.
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

zone 1 4 "$lip4"
zone 1 6 "$lip6"

# one_of_each: flows of each kind and family, of which nothing more is
# heard. The server closes half, which the machine does not.
one_of_each() {
	local family name
	for family in 4 6; do
		start_in "$in1" idle$family labnet conns -n 2 -reset -request -hold 600s "$(outside $family 8080)"
		start_in "$in1" half$family labnet conns -n 1 -reset -request -server-closes -hold 600s "$(outside $family 8080)"
		in_ns "$in1" labnet udp-echo "$(outside $family 5353)" >/dev/null
		in_ns "$in1" ping "-$family" -c 1 -W 10 "$(addr out_ip $family)" >/dev/null
		for name in idle half; do wait_log $name$family '"opened":'; done
	done
}

# expires REGEX: seconds that flows have left, of which the list says so much.
expires() {
	ipvs -Lnc | grep -E -- "$1" | awk '{ split($2, left, ":"); print left[1] * 60 + left[2] }'
}

# expect_expires DESCRIPTION COUNT SECONDS REGEX: so many flows have this timeout,
# less what has passed since.
expect_expires() {
	local -a left
	mapfile -t left < <(expires "$4" | sort -n)
	expect_eq "$1: listed" "$2" "${#left[@]}"
	expect_within "$1: not less" $(($3 - 50)) "$3" "${left[0]:-0}"
	expect_within "$1: not more" $(($3 - 50)) "$3" "${left[-1]:-0}"
}

# Timeouts: those of --set, and that of echoes.
ipvs --set 400 200 300
set_sysctl "$director" net.ipv4.vs.snat_icmp_timeout=100
one_of_each
expect_expires "established TCP" 4 400 "^TCP.* ESTABLISHED .*8080"
expect_expires "closed by the server" 2 200 "^TCP.* FIN_WAIT .*8080"
expect_expires "UDP" 2 300 "^UDP.*5353"
expect_expires "echo" 2 100 "^ICMP"
for name in idle4 idle6 half4 half6; do stop $name KILL || true; done
ipvs --drain
poll_until 15 "all are given back" flows_done

# The log: flows as they begin, and end when their time is over.
ipvs --set 5 5 5
set_sysctl "$director" net.ipv4.vs.snat_icmp_timeout=5
start_in "$director" log ipvsadm-go --snat-log
start_in "$director" json ipvsadm-go --snat-log --json
# A new local address ends the drain.
for family in 4 6; do
	ipvs -W --zone "$(in_net 1 $family)" -z "$(lip 1 $family)"
	ipvs -U --zone "$(in_net 1 $family)" -z "$(lip 1 $family)"
done
for name in log json; do
	poll_until 10 "the log has begun: $name" eval 'in_ns "$in1" labnet udp-echo "$(outside 4 5353)" && grep -q 5353 "$lab_tmp/$name.log"'
done
one_of_each
poll_until 15 "all end in time" flows_done
stamp='20[0-9-]{8}T[0-9:]{8}[.][0-9]+Z'
for family in 4 6; do
	cip="$(regex "$(host "$(in_ip 1 $family)")"):[0-9]+" lip="$(regex "$(host "$(lip 1 $family)")"):[0-9]+"
	icmp=icmp
	[ $family = 4 ] || icmp=icmpv6
	for event in new end; do
		for flow in "tcp 8080" "udp 5353" "$icmp 0"; do
			rip=$(regex "$(outside $family "${flow#* }")")
			poll_until 10 "IPv$family: $event $flow is in the log" \
				grep -Eq "^$stamp $event ${flow% *} $cip -> $rip as $lip\$" "$lab_tmp/log.log"
			poll_until 10 "IPv$family: and as JSON" \
				grep -Eq "^[{]\"time\":\"$stamp\",\"event\":\"$event\",\"protocol\":\"${flow% *}\",\"source\":\"$cip\",\"destination\":\"$rip\",\"local\":\"$lip\"[}]\$" "$lab_tmp/json.log"
		done
	done
done
for name in idle4 idle6 half4 half6; do stop $name KILL || true; done
stop json || true
status=0
stop log || status=$?
expect_eq "a signal ends the log" 0 $status
ipvs --set 900 120 300

# A reader that does not read: what it misses is counted, and it is told so.
in_ns "$router" ip route add blackhole 198.51.100.99
start_in "$director" slow ipvsadm-go --snat-log
poll_until 10 "the log has begun: slow" eval 'in_ns "$in1" labnet udp-echo "$(outside 4 5353)" && grep -q 5353 "$lab_tmp/slow.log"'
kill -s STOP "${lab_pid[slow]}"
begun=$(counter "$director" snat_conn_new) lost=$(counter "$director" snat_log_lost)
check "many flows at once" in_ns "$in1" labnet flood -n 20000 -from 10.1.0.64/26 198.51.100.99:9
begun=$(($(counter "$director" snat_conn_new) - begun)) lost=$(($(counter "$director" snat_log_lost) - lost))
echo "# $begun flows, $lost not logged"
expect_within "a reader that is too slow misses some" 1 $((begun - 1)) $lost
kill -s CONT "${lab_pid[slow]}"
poll_until 15 "it is told so" grep -q 'some translations are missing' "$lab_tmp/slow.log"
poll_until 30 "and has all the others" eval '[ "$(grep -c " new tcp .* -> 198.51.100.99:9 " "$lab_tmp/slow.log")" -eq $((begun - lost)) ]'
poll_until 10 "then it goes on" eval 'in_ns "$in1" labnet udp-echo "$(outside 6 5353)" && grep -q "$out_ip6.*5353" "$lab_tmp/slow.log"'
stop slow || true

# The module cannot go under flows; a drain ends them under traffic.
start_in "$in1" noise labnet udp-echo -flows 0 -timeout 5ms "$(outside 6 53)"
start_in "$in1" hold labnet conns -n 20 -reset -request -hold 600s "$(outside 4 8080)"
wait_log hold '"opened":20'
check_fails "rmmod is refused under flows" rmmod ip_vs_fullnat
ipvs --drain
poll_until 15 "drained" flows_done
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
