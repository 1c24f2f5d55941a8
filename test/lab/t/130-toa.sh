# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The client's address in a TCP option: on which segments, that a client cannot
# claim another one, and that nothing is wrong with the packets.
# timeout: 240
# edge: yes

setup_lab
serve_everywhere
# Checksums on the wire that tcpdump can judge.
for ns in "$client" "$rs1"; do
	in_ns "$ns" ethtool -K eth0 tx off gso off tso off gro off >/dev/null
done

# hex_of FAMILY FILTER: segments to rs1.
hex_of() {
	packets_hex "toa$1" "dst host $(addr rs1_ip "$1") and $2"
}

toa_switch() {
	set_sysctl "$director" "net.ipv4.vs.fullnat_toa_$1=$2"
}

for family in 4 6; do
	vip=$(host "$(addr vip $family)")
	port=4000$family
	fullnat_service -t $family 80
	ipvs -d -t "$vip:80" -r "$(host "$(addr rs2_ip $family)"):80"

	capture_start "$rs1" eth0 toa$family tcp port 80
	check "IPv$family: the page comes" curl_in "$client" --local-port $port "http://$vip/"
	text=$(capture_stop toa$family | grep " > $(regex "$(addr rs1_ip $family)")[.]80: ")
	want=$(toa_hex "$(addr client_ip $family)" $port)
	flags=$(tcp_flags $family)
	expect_match "IPv$family: the SYN has the client's address and port" "$want" "$(hex_of $family "$flags = 2")"
	expect_match "IPv$family: so has the first data" "$want" "$(hex_of $family "$flags = 24")"
	expect_no_match "IPv$family: the FIN, after the answer, has not" "$want" "$(hex_of $family "$flags & 1 = 1")"
	expect_no_match "IPv$family: all checksums are right" incorrect "$text"
	expect_match "IPv$family: and were looked at" correct "$text"

	toa_switch entry 0
	expect_counter_delta "IPv$family: switched off, no option" "$director" fullnat_add_toa_ok 0 web $family
	toa_switch entry 1
	expect_counter_delta "IPv$family: switched on, options" "$director" fullnat_add_toa_ok '>=3' web $family
done
