# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# TCP through FULLNAT, both address families: who sees which addresses, who is
# counted, and that what arrives is what was sent.
# timeout: 240
# edge: yes

setup_lab
serve_everywhere

for family in 4 6; do
	lip=$(host "$(lip 1 $family)")
	rs1_ip=$(addr rs1_ip $family)
	fullnat_service -t $family 80
	fullnat_service -t $family 8080

	capture_start "$rs1" eth0 "rs$family" tcp port 80
	capture_start "$client" eth0 "cl$family" tcp port 80
	expect_counter_delta "IPv$family: a connection is bound" "$director" fullnat_conn_bound 1 web $family
	out=$(web $family)$'\n'$(web $family)
	expect_match "IPv$family: rs1's peer is the local address" "^rs1 peer=$(regex "$lip"):[0-9]+" "$out"
	expect_match "IPv$family: rs2's peer is the local address" "^rs2 peer=$(regex "$lip"):[0-9]+" "$out"
	capture_stop "rs$family" >"$lab_tmp/rs.txt"
	capture_stop "cl$family" >"$lab_tmp/cl.txt"
	expect_match "IPv$family: the wire of rs1 has the local address" "$(regex "$(lip 1 $family)")[.][0-9]+ > $(regex "$rs1_ip")[.]80: Flags \[S\]" "$(cat "$lab_tmp/rs.txt")"
	expect_no_match "IPv$family: the wire of rs1 has no client" "$(regex "$(addr client_ip $family)")" "$(cat "$lab_tmp/rs.txt")"
	expect_no_match "IPv$family: the client's wire has no real server" "$(regex "$rs1_ip")" "$(grep ' > ' "$lab_tmp/cl.txt")"
	check "IPv$family: 50 transfers compare, each way" \
		run_in "$client" labnet fetch -parallel 50 -size 400K "http://$(svc $family 8080)"
	expect_eq "IPv$family: no packet was lost for want of a connection" 0 "$(counter "$director" fullnat_unbound)"
done
