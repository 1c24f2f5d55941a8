# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# UDP through FULLNAT: datagrams as DNS has them, fragments of both sides, flows
# and their timeout, and the checksum that IPv4 allows to leave out.
# timeout: 240
# edge: yes

setup_lab
serve_everywhere
in_ns "$director" ipvsadm --set 0 0 60
# how tcpdump shows a fragment behind the first one
later='(frag|udp|ip-proto-17)'

for family in 4 6; do
	lip=$(lip 1 $family)
	service=$(svc $family 53)
	fullnat_service -u $family 53

	capture_start "$rs1" eth0 "rs$family" udp or ip6
	capture_start "$client" eth0 "cl$family" udp or ip6
	expect_counter_delta "IPv$family: a flow of five datagrams is bound once" "$director" fullnat_conn_bound 1 \
		in_ns "$client" labnet udp-echo -size 100 -count 5 "$service"
	expect_counter_delta "IPv$family: twelve flows are twelve connections" "$director" fullnat_conn_bound 12 \
		in_ns "$client" labnet udp-echo -size 512 -flows 12 -count 2 "$service"
	check "IPv$family: 9000 bytes come back" in_ns "$client" labnet udp-echo -size 9000 -flows 2 -count 3 "$service"
	check "IPv$family: 60000 bytes come back" in_ns "$client" labnet udp-echo -size 60000 -flows 2 "$service"
	check "IPv$family: an empty datagram comes back" in_ns "$client" labnet udp-echo -size 0 -flows 2 "$service"
	capture_stop "rs$family" >"$lab_tmp/rs.txt"
	capture_stop "cl$family" >"$lab_tmp/cl.txt"
	expect_match "IPv$family: rs1 gets fragments" "$(regex "$lip") > $(regex "$(addr rs1_ip $family)"): $later" "$(cat "$lab_tmp/rs.txt")"
	expect_match "IPv$family: the client gets fragments" "$(regex "$(addr vip $family)") > $(regex "$(addr client_ip $family)"): $later" "$(cat "$lab_tmp/cl.txt")"
	expect_no_match "IPv$family: the wire of rs1 has no client" "$(regex "$(addr client_ip $family)")[ .:]" "$(cat "$lab_tmp/rs.txt")"
	expect_no_match "IPv$family: the client's wire has no real server" "$(regex "$(addr rs1_ip $family)")[ .:]" "$(cat "$lab_tmp/cl.txt")"
	expect_match "IPv$family: the list of connections has them" \
		"^UDP 0[01]:[0-9]+ +UDP +$(regex "$(host "$(addr client_ip $family)")"):[0-9]+ +$(regex "$service") +$(regex "$(rs 1 $family 53)")" \
		"$(ipvs -Lnc)"
	expect_match "IPv$family: ours has the local address" \
		"^UDP $(regex "$(host "$(addr client_ip $family)")"):[0-9]+ $(regex "$service") $(regex "$(host "$lip")"):[0-9]+ $(regex "$(rs 2 $family 53)") [0-9]+$" "$(fullnat_conns .)"
done
expect_eq "nothing was lost for want of a fragment" 0 "$(counter "$director" fullnat_defrag_fail)"
expect_eq "nothing was refused" 0 "$(counter "$director" fullnat_bad_header)"

# A checksum of 0, by hand in both directions. The flow is one of rs1's, from a
# fixed port of the client.
check "a flow for the checksum of 0" in_ns "$client" labnet udp-echo -bind "$client_ip4:4000" "$vip4:53"
read -r _ _ _ local real _ <<<"$(fullnat_conns "^UDP $client_ip4:4000 ")"
rs=rs${real:5:1}
capture_start "${!rs}" eth0 zero-out -Q in udp
capture_start "$client" eth0 zero-in -Q in udp
datagram() { # FROM TO DATA(4 bytes)
	local from=${1%:*} to=${2%:*}
	echo "4500002000010000401100 00$(hex_ip "$from")$(hex_ip "$to")$(hex "${1#*:}" 4)$(hex "${2#*:}" 4)000c0000$3"
}
check "a datagram without checksum to the service" in_ns "$client" labnet raw "$(datagram "$client_ip4:4000" "$vip4:53" 61626364)"
check "a datagram without checksum to the client" in_ns "${!rs}" labnet raw "$(datagram "$real" "$local" 65666768)"
wait_until 3 grep -q efgh "$lab_tmp/zero-in.pcap" || true
expect_match "the real server gets it without checksum" "$(regex "${local/:/.}") > $(regex "${real/:/.}"): \[no cksum\]" "$(capture_stop zero-out)"
expect_match "the client gets it without checksum" "$vip4\.53 > $client_ip4\.4000: \[no cksum\]" "$(capture_stop zero-in)"

# Two CPUs have a datagram each of the same new flow at the same time.
races() { # SERVICE N: fullnat_bind_race comes to it
	in_ns "$client" labnet udp-echo -flows 500 -count 2 -at-once "$1" >>"$lab_tmp/races.txt"
	counter_reached "$director" fullnat_bind_race "$2"
}
for family in 4 6; do
	service=$(svc $family 53)
	poll_until 60 "IPv$family: two CPUs bind a flow, and one gives way" \
		races "$service" $(($(counter "$director" fullnat_bind_race) + 1))
	poll_until 5 "IPv$family: with the port that it had taken" eval \
		'[ "$(fullnat_conns "^UDP [^ ]+ $(regex "$service") " | wc -l)" -eq "$(conns_of -u "$service" "$(lip 1 $family)")" ]'
done
echo "# $(counter "$director" fullnat_bind_race) times"
expect_eq "every datagram was answered" "" "$(grep -v '"received":1000,"mismatch":0,"lost":0}' "$lab_tmp/races.txt" || true)"

# Their time.
in_ns "$director" ipvsadm --set 0 0 1
check "one more datagram on a flow" in_ns "$client" labnet udp-echo -bind "$client_ip4:4000" "$vip4:53"
poll_until 5 "it ends by the UDP timeout" eval '[ -z "$(fullnat_conns ":4000 ")" ]'
