# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Beginning and end: the module cannot be taken away under connections, comes
# and goes many times, and survives that services, real servers, addresses,
# interfaces and namespaces vanish under traffic.
# timeout: 480
# edge: yes

setup() {
	setup_lab
	give_up_soon "$client" "$rs1" "$rs2"
	serve_everywhere
}

setup
for family in 4 6; do
	fullnat_service -t $family 80
	fullnat_service -u $family 53
done

# Removal.
start_in "$client" keep labnet keep -n 4 -reset "$vip4:80"
wait_log keep READY
check_fails "rmmod is refused under connections" rmmod ip_vs_fullnat
expect_match "because it is in use" 'in use' "$(rmmod ip_vs_fullnat 2>&1)"
expect_kept "the connections are not disturbed" keep
in_ns "$client" labnet conns -n 2 -request "[$vip6]:80" >/dev/null
check "connections that have ended can be drained" in_ns "$director" labnet family drain
poll_until 10 "then none is left" all_given_back
poll_until 5 "and the module can be removed" rmmod ip_vs_fullnat
expect_match "stock's table is as it was" "-> $rs1_ip4:80 .* 1 +0 +0" "$(in_ns "$director" ipvsadm -Ln)"
check_fails "its files are gone" in_ns "$director" test -e /proc/net/ip_vs_ext_stats
check_fails "its settings are gone" in_ns "$director" test -e /proc/sys/net/ipv4/vs/fullnat_lport_min

# Twenty times, with traffic that finds it or does not.
start_in "$client" noise labnet udp-echo -flows 20000 -timeout 5ms "$vip4:53"
loads=0
for _ in $(seq 20); do
	modprobe ip_vs_fullnat || break
	ipvs -P -u "$vip4:53" -z "$lip4"
	in_ns "$director" labnet family drain >/dev/null
	wait_until 10 rmmod ip_vs_fullnat || break
	loads=$((loads + 1))
done
expect_eq "it is loaded and removed 20 times" 20 $loads
stop noise || true
check "and loaded once more" modprobe ip_vs_fullnat

# What vanishes under traffic. Each time something serves on or comes back.
for family in 4 6; do
	service=$(svc $family 80)
	for proto in -t -u; do
		port=80
		[ $proto = -t ] || port=53
		ipvs -P $proto "$(svc $family $port)" -z "$(lip 1 $family)" 2>/dev/null || true
	done
	start_in "$client" "load$family" labnet keep -n 6 -timeout 30s "$service"
	wait_log "load$family" READY
	ipvs -d -t "$service" -r "$(rs 2 $family 80)"
	expect_match "IPv$family: without one real server the other serves" '^rs1' "$(web $family)"
	ipvs -a -t "$service" -r "$(rs 2 $family 80)" -b
	ipvs -D -t "$service"
	check_fails "IPv$family: without the service nobody serves" in_ns "$client" labnet conns -n 1 -timeout 300ms "$service"
	fullnat_service -t $family 80
	expect_match "IPv$family: a new service serves at once" '^rs' "$(web $family)"
	stop "load$family" || true

	start_in "$client" "load$family" labnet keep -n 6 -timeout 30s "$service"
	wait_log "load$family" READY
	bits=32
	[ $family = 4 ] || bits=128
	ip -n "$director" addr del "$(lip 1 $family)/$bits" dev lo
	in_ns "$client" labnet udp-echo -flows 2 -timeout 100ms "$(svc $family 53)" >/dev/null 2>&1 || true
	set_addresses "$director" lo "$(lip 1 $family)/$bits"
	poll_until 10 "IPv$family: with its local address back it serves" web $family
	expect_kept "IPv$family: connections outlast that" "load$family"
done

# The wire of a real server, under transfers.
start_in "$client" bulk labnet fetch -parallel 8 -size 50M -timeout 60s "http://$vip4:80"
wait_until 20 eval '[ "$(fullnat_conns . | wc -l)" -ge 16 ]'
ip -n "$director" link del rs2
ipvs -d -t "$vip4:80" -r "$rs2_ip4:80"
# While transfers have both CPUs.
poll_until 20 "the other real server serves" eval 'web 4 | grep -q ^rs1'
# Then the client, the other real server, and the director itself.
ip netns pids "$client" | xargs -r kill -9
ip netns del "$client"
ip netns pids "$rs1" | xargs -r kill -9
ip netns del "$rs1"
check "the director is there to tell" ipvs -Ln
ip netns del "$director"
ok "namespaces are deleted under traffic"

# Once more with everything running, the director first.
setup
for family in 4 6; do
	fullnat_service -t $family 8080
	start_in "$client" "last$family" labnet fetch -parallel 4 -size 50M -timeout 60s "http://$(svc $family 8080)"
done
wait_until 20 eval '[ "$(fullnat_conns . | wc -l)" -ge 16 ]'
ip netns del "$director"
ip -n "$client" link del eth0 2>/dev/null || true
ok "the director goes under transfers"
