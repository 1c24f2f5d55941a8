# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The lab itself: the network stands as drawn, stock IPVS works in it, and the
# checks notice what they are for.
# modules: ip_vs
# timeout: 240
# edge: yes

setup_lab
serve_everywhere

# The wires.
check "client reaches the director, IPv4" in_ns "$client" ping -c 1 -W 2 "$vip4"
check "client reaches the director, IPv6" in_ns "$client" ping -c 1 -W 2 "$vip6"
check "rs1 reaches a local address, IPv4" in_ns "$rs1" ping -c 1 -W 2 "$lip4"
check "rs2 reaches a local address, IPv6" in_ns "$rs2" ping -c 1 -W 2 "$lip6"
check_fails "rs1 has no route to the client, IPv4" in_ns "$rs1" ip route get "$client_ip4"
check_fails "rs1 has no route to the client, IPv6" in_ns "$rs1" ip -6 route get "$client_ip6"

# Real programs, not busybox's applets.
expect_match "ip is iproute2" iproute2 "$(ip -V)"
expect_match "stock ipvsadm is 1.31" 'v1\.31' "$(ipvsadm --version 2>&1)"

# Stock NAT in the lab: with a route back by the director the client is served.
in_ns "$rs1" ip route add default via 10.0.1.1
in_ns "$director" ipvsadm -A -t "$vip4:80" -s rr
in_ns "$director" ipvsadm -a -t "$vip4:80" -r "$rs1_ip4:80" -m
capture_start "$rs1" eth0 nat tcp port 80
expect_match "stock NAT serves the client" "^rs1 peer=$client_ip4:" \
	"$(curl_in "$client" "http://$vip4/")"
expect_match "the capture shows the client at rs1" "$client_ip4\.[0-9]+ > $rs1_ip4\.80: Flags \[S\]" "$(capture_stop nat)"
check "UDP of 9000 bytes comes back" in_ns "$director" labnet udp-echo -size 9000 "$rs2_ip4:53"
check "bulk transfers compare" in_ns "$director" labnet fetch -parallel 4 -size 1M "http://[$rs2_ip6]:8080"
poll_until 5 "poll_until polls" test -d "$lab_tmp"

# Failing checks fail: in a shell of its own, so that this one passes.
# shellcheck disable=SC2034  # lib.sh's variables
out=$( (lab_count=0 lab_failed=0; expect_eq one 1 2; check two false; check_fails three true) )
expect_match "expect_eq notices a difference" '^not ok 1 one' "$out"
expect_match "check notices a failure" '^not ok 2 two' "$out"
expect_match "check_fails notices a success" '^not ok 3 three' "$out"
