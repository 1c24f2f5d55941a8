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

toa_switch() {
	set_sysctl "$director" "net.ipv4.vs.fullnat_toa_$1=$2"
}

for family in 4 6; do
	vip=$(host "$(addr vip $family)")
	fullnat_service -t $family 80
	ipvs -d -t "$vip:80" -r "$(host "$(addr rs2_ip $family)"):80"

	expect_toa_on_wire $family 4000$family

	toa_switch entry 0
	expect_counter_delta "IPv$family: switched off, no option" "$director" fullnat_add_toa_ok 0 web $family
	toa_switch entry 1
	expect_counter_delta "IPv$family: switched on, options" "$director" fullnat_add_toa_ok '>=3' web $family
done
