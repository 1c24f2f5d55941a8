# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Malformed packets of every kind at the module, in both directions and on live
# connections: nothing crashes, nothing leaks, and real traffic goes on. The
# seed is printed; LAB_FUZZ_PACKETS in the kernel's arguments makes it longer.
# timeout: 240

setup_lab
serve_everywhere
# Addresses that really are elsewhere come in through this device.
modprobe tun
in_ns "$director" ip tuntap add dev fuzz0 mode tun
in_ns "$director" ip link set fuzz0 up
set_sysctl "$director" net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.fuzz0.rp_filter=0 \
	net.ipv4.vs.fullnat_lport_min=5000 net.ipv4.vs.fullnat_lport_max=5009 \
	net.ipv4.vs.sloppy_tcp=1 net.ipv6.conf.fuzz0.forwarding=1
packets=$(sed -n 's/.*LAB_FUZZ_PACKETS=\([0-9]*\).*/\1/p' /proc/cmdline)
packets=${packets:-24000}

flows=()
for family in 4 6; do
	fullnat_service -t $family 80
	fullnat_service -u $family 53
	flows+=("$(addr client_ip $family)=1000..1009-$(addr vip $family)=80,53"
		"$(addr rs1_ip $family)=80,53-$(lip 1 $family)=5000..5009")
done

for toa in 1 0; do
	set_sysctl "$director" net.ipv4.vs.fullnat_toa_entry=$toa net.ipv4.vs.fullnat_timestamp_remove_entry=$((1 - toa))
	report=$(run_in "$director" labnet fuzz -tun fuzz0 -n $((packets / 2)) "${flows[@]}")
	echo "# $report"
	expect_match "TOA $toa: they were sent" '"sent":[1-9]' "$report"
done
for name in fullnat_in_pkts fullnat_out_pkts fullnat_icmp_in fullnat_icmp_out fullnat_bad_header fullnat_bad_icmp \
	fullnat_no_port fullnat_no_conn fullnat_ttl_exceeded fullnat_add_toa_ok fullnat_add_toa_head_full fullnat_toa_del_opt; do
	expect_within "they reached $name" 1 1000000000 "$(counter "$director" $name)"
done

# The ports are all taken now; a drain gives them back.
in_ns "$director" labnet family drain >/dev/null
all_given_back() {
	[ "$(counter "$director" fullnat_conn_bound)" = "$(counter "$director" fullnat_conn_done)" ]
}
poll_until 20 "every connection is given back" all_given_back
for family in 4 6; do
	ipvs -Q -t "$(host "$(addr vip $family)"):80" -z "$(lip 1 $family)"
	ipvs -P -t "$(host "$(addr vip $family)"):80" -z "$(lip 1 $family)"
	check "IPv$family: real traffic goes on" web $family
done
