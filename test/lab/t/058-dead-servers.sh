# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A real server that is silent on its wire, and storms of ARP: other real servers
# and services are not affected, clients are told, and all is well when it is back.
# timeout: 240

setup_lab
serve_everywhere
for family in 4 6; do
	fullnat_service -t $family 80
	fullnat_service -t $family 8080
	fullnat_service -u $family 53
	ipvs -d -t "$(svc $family 8080)" -r "$(rs 2 $family 8080)"
done

# Nobody answers for it any more, while its wire is up.
in_ns "$rs2" nft -f - <<-END
	table netdev dead { chain in { type filter hook ingress device eth0 priority 0; drop; }; }
END
ip -n "$director" neigh flush dev rs2 nud all
ip -n "$director" -6 neigh flush dev rs2 nud all

for family in 4 6; do
	start_in "$client" "dead$family" labnet conns -n 20 -parallel 20 -timeout 8s -request "$(svc $family 80)"
	start_in "$client" "udp$family" labnet udp-echo -flows 20 -timeout 100ms "$(svc $family 53)"
done
for family in 4 6; do
	check "IPv$family: another service is served meanwhile" \
		in_ns "$client" labnet conns -n 20 -parallel 4 -timeout $((2 * LAB_SLOW))s -request "$(svc $family 8080)"
	expect_match "IPv$family: and transfers" '"failed":0' \
		"$(in_ns "$client" labnet fetch -parallel 2 -size 200K "http://$(svc $family 8080)")"
done
for family in 4 6; do
	finish "dead$family" || true
	finish "udp$family" || true
	out=$(cat "$lab_tmp/dead$family.log")
	expect_match "IPv$family: the other real server serves its share" '"servers":{"rs1":10}' "$out"
	expect_match "IPv$family: clients of the silent one are told" '"no route to host":[1-9]' "$out"
done
expect_eq "nothing was refused for want of anything" "0 0 0" \
	"$(counter "$director" fullnat_no_port) $(counter "$director" fullnat_no_mem) $(counter "$director" fullnat_unbound)"
expect_within "what tells them is translated" 1 1000 "$(counter "$director" fullnat_icmp_out)"
expect_within "and counted" 1 1000 "$(counter "$director" fullnat_rs_unreachable)"
expect_within "the log has a few lines" 1 10 "$(dmesg | sed '1,/scene 058/d' | grep -c 'the real server cannot be reached')"

# A storm: requests of ever other senders from rs1's wire, and its own traffic.
storm=()
for i in $(seq 20 119); do
	storm+=("ffffffffffff 0242ac0001$(hex "$i" 2) 0806 0001080006040001 0242ac0001$(hex "$i" 2) $(hex_ip "10.0.1.$i") 000000000000 $(hex_ip 10.0.1.1) $(printf '%036d' 0)")
done
start_in "$rs1" storm labnet raw -if eth0 -count 2000 "${storm[@]}"
for family in 4 6; do
	check "IPv$family: a storm of ARP delays nobody" \
		in_ns "$client" labnet conns -n 20 -parallel 4 -timeout $((2 * LAB_SLOW))s -request "$(svc $family 8080)"
done
stop storm || true

in_ns "$rs2" nft delete table netdev dead
for family in 4 6; do
	poll_until 10 "IPv$family: the silent one is back, and serves" eval 'web $family | grep -q ^rs2'
	check "IPv$family: both serve all" in_ns "$client" labnet conns -n 20 -parallel 4 -timeout $((2 * LAB_SLOW))s -request "$(svc $family 80)"
	check "IPv$family: UDP as well" in_ns "$client" labnet udp-echo -flows 4 "$(svc $family 53)"
done
in_ns "$director" labnet family drain >/dev/null
poll_until 20 "all connections are given back" all_given_back
