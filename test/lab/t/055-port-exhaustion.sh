# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A range of 100 local ports driven to its end and back: how many connections it
# holds, what is said when it is full, that nothing else suffers, and that ports
# that become free serve again.
# timeout: 480

setup_lab
serve_everywhere
set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=20000 net.ipv4.vs.fullnat_lport_max=20099

# lports 4|6 N: the local ports in use towards real server N, sorted.
lports() {
	fullnat_conns " $(regex "$(rs "$2" "$1" 80)") [0-9]+$" | sed -E 's/.*:([0-9]+) [^ ]+ [0-9]+$/\1/' | sort -n
}

for family in 4 6; do
	service=$(svc $family 80)
	lip=$(lip 1 $family)
	ipvs -A -t "$service" -s rr
	ipvs -a -t "$service" -r "$(rs 1 $family 80)" -b
	ipvs -P -t "$service" -z "$lip"
	fullnat_service -t $family 8080

	start_in "$client" "few$family" labnet conns -n 10 -reset -request -hold 600s "$service"
	start_in "$client" "most$family" labnet conns -n 90 -reset -request -hold 600s "$service"
	wait_log "few$family" '"opened":10,'
	wait_log "most$family" '"opened":90,'
	expect_eq "IPv$family: 100 ports hold 100 connections" 100 "$(conns_of -t "$service" "$lip")"
	expect_eq "IPv$family: each port of the range once" "$(seq 20000 20099)" "$(lports $family 1)"
	expect_counter_delta "IPv$family: the next one is refused" "$director" fullnat_no_port '>=1' \
		eval '! in_ns "$client" labnet conns -n 1 -timeout 300ms "$service"'
	expect_match "IPv$family: -G counts the conflict" '^[1-9]' "$(conflicts_of -t "$service" "$lip")"
	check "IPv$family: another service on the same local address is served" web $family 8080

	# Towards another real server the same ports are free again.
	ipvs -a -t "$service" -r "$(rs 2 $family 80)" -b
	ipvs -e -t "$service" -r "$(rs 1 $family 80)" -b -w 0
	start_in "$client" "second$family" labnet conns -n 100 -reset -request -hold 600s "$service"
	wait_log "second$family" '"opened":100,'
	expect_eq "IPv$family: two real servers share the ports" "$(lports $family 1)" "$(lports $family 2)"
	expect_eq "IPv$family: which is 200 connections" 200 "$(conns_of -t "$service" "$lip")"
	ipvs -e -t "$service" -r "$(rs 1 $family 80)" -b -w 1

	# A second local address takes over at the first SYN.
	ipvs -P -t "$service" -z "$(lip 2 $family)"
	expect_counter_delta "IPv$family: a second local address takes over, nothing is refused" "$director" fullnat_no_port 0 \
		in_ns "$client" labnet conns -n 20 -reset -request "$service"
	expect_within "IPv$family: it has them all" 20 20 "$(fullnat_conns "^TCP .* $(regex "$(host "$(lip 2 $family)")"):" | wc -l)"
	ipvs -Q -t "$service" -z "$(lip 2 $family)"
	check_fails "IPv$family: without it, full again" in_ns "$client" labnet conns -n 2 -timeout 300ms "$service"
	# Ended by reset: stock keeps them for 10 s.
	stop "few$family" || true
done
expect_match "the log says why" 'no free local port' "$(dmesg | tail -n 20)"

for family in 4 6; do
	service=$(svc $family 80)
	ipvs -e -t "$service" -r "$(rs 2 $family 80)" -b -w 0
	poll_until 15 "IPv$family: ports of ended connections are given back" \
		eval '[ "$(lports $family 1 | wc -l)" -le 90 ]'
	check "IPv$family: and serve again" in_ns "$client" labnet conns -n 10 -reset -request "$service"
	stop "most$family" || true
	stop "second$family" || true
done
# Stock keeps those that ended by FIN for two minutes.
in_ns "$director" labnet family drain >/dev/null
poll_until 20 "all connections end" all_given_back
for family in 4 6; do
	expect_eq "IPv$family: none is counted any more" 0 "$(conns_of -t "$(svc $family 80)" "$(lip 1 $family)")"
done
