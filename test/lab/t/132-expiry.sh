# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# An established connection that expires is reset on both sides, with sequence
# numbers that both accept; a drain ends all of them the same way. And lost
# packets are made up for: selective acknowledgements name the right bytes.
# timeout: 480

setup_lab
serve_everywhere

established() {
	in_ns "$1" ss -Htn state established '( dport = :80 or sport = :80 )'
}

nothing_established() {
	[ -z "$(established "$client")$(established "$rs1")$(established "$rs2")" ]
}

nothing_listed() {
	! ipvs -Lnc | grep -q ESTABLISHED
}

for family in 4 6; do
	vip=$(host "$(addr vip $family)")
	fullnat_service -t $family 80
	fullnat_service -t $family 8080

	# Idle for longer than stock's timeout.
	ipvs --set 3 1 1
	told_client=$(counter "$director" fullnat_rst_client)
	told_server=$(counter "$director" fullnat_rst_server)
	start_in "$client" idle labnet conns -n 2 -request -hold 60s "$vip:80"
	wait_log idle '"opened":2'
	poll_until 10 "IPv$family: both sides have lost the idle connections" nothing_established
	expect_eq "IPv$family: the client was told of both" 2 "$(($(counter "$director" fullnat_rst_client) - told_client))"
	expect_eq "IPv$family: so were the real servers" 2 "$(($(counter "$director" fullnat_rst_server) - told_server))"
	stop idle || true

	ipvs --set 900 120 300

	# A drain: connections end, new ones are refused until the next -P.
	start_in "$client" held labnet conns -n 10 -request -hold 60s "$vip:80"
	wait_log held '"opened":10'
	expect_within "IPv$family: a drain ends them" 10 30 "$(in_ns "$director" labnet family drain)"
	poll_until 10 "IPv$family: nobody has them any more" nothing_established
	stop held || true
	expect_counter_delta "IPv$family: and new ones are refused" "$director" fullnat_draining '>=1' \
		bash -c "! ip netns exec $client curl -sS --max-time 1 http://$vip/"
	ipvs -Q -t "$vip:80" -z "$(lip 1 $family)"
	ipvs -P -t "$vip:80" -z "$(lip 1 $family)"
	check "IPv$family: until a local address is added" web $family

	# Loss on the way to either side.
	for ns in "$client" "$rs1" "$rs2"; do
		in_ns "$ns" tc qdisc replace dev eth0 root netem loss 3% reorder 5% delay 2ms
	done
	check "IPv$family: transfers compare although packets are lost and overtake" \
		in_ns "$client" labnet fetch -parallel 4 -size 300K "http://$vip:8080"
	for ns in "$client" "$rs1" "$rs2"; do
		in_ns "$ns" tc qdisc del dev eth0 root
	done
	# What was lost last is sent again, and nobody answers behind -C.
	poll_until 20 "IPv$family: all of them end" no_orphans
	ipvs -C
done

# Switched off, nobody is told.
fullnat_service -t 4 80
ipvs --set 3 1 1
set_sysctl "$director" net.ipv4.vs.conn_expire_tcp_rst=0
start_in "$client" idle labnet conns -n 1 -request -hold 60s "$vip4:80"
wait_log idle '"opened":1'
poll_until 10 "without RST the director forgets" nothing_listed
expect_match "and the client does not" ':80' "$(established "$client")"
stop idle || true
