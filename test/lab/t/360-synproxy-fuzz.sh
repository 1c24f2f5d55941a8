# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Malformed packets of every kind at proxied services, from a device without
# Ethernet, whose answers go by the routing table: nothing crashes, nothing leaks,
# and real clients are served.
# timeout: 300

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_lab
give_up_soon "$client" "$rs1" "$rs2"
serve_everywhere
modprobe tun
in_ns "$director" ip tuntap add dev fuzz0 mode tun multi_queue
in_ns "$director" ip link set fuzz0 up
set_sysctl "$director" net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.fuzz0.rp_filter=0 \
	net.ipv4.vs.fullnat_lport_min=5000 net.ipv4.vs.fullnat_lport_max=5009 \
	net.ipv6.conf.fuzz0.forwarding=1
flows=()
for family in 4 6; do
	fullnat_service -t $family 80 -j enable
	flows+=("$(addr client_ip $family)=1000..1009-$(addr vip $family)=80"
		"$(addr rs1_ip $family)=80-$(lip 1 $family)=5000..5009")
done
for sloppy in 0 1; do
	set_sysctl "$director" net.ipv4.vs.sloppy_tcp=$sloppy net.ipv4.vs.synproxy_defer=$sloppy \
		net.ipv4.vs.synproxy_next_rs=$sloppy
	report=$(run_in "$director" labnet fuzz -tun fuzz0 -n 8000 "${flows[@]}")
	expect_match "sloppy $sloppy: they were sent" '"sent":[1-9]' "$report"
done
for name in synproxy_syn_cnt synproxy_bad_syn synproxy_bad_ack synproxy_null_ack synproxy_rst_client; do
	expect_within "they reached $name" 1 1000000000 "$(counter "$director" $name)"
done
expect_eq "no guess was right" 0 "$(counter "$director" synproxy_ok_ack)"
expect_eq "and nothing was bound" 0 "$(counter "$director" fullnat_conn_bound)"
for family in 4 6; do
	check "IPv$family: real clients are served" web $family
done
