# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Malformed packets at the director, in numbers: what scene 150 does for a minute
# and long/151 for hours. Sourced by them.

# fuzz_setup: the lab with FULLNAT services of both families, few local ports, and
# a device through which packets with addresses of elsewhere come in; sets flows.
fuzz_setup() {
	local family
	setup_lab
	serve_everywhere
	modprobe tun
	in_ns "$director" ip tuntap add dev fuzz0 mode tun multi_queue
	in_ns "$director" ip link set fuzz0 up
	set_sysctl "$director" net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.fuzz0.rp_filter=0 \
		net.ipv4.vs.fullnat_lport_min=5000 net.ipv4.vs.fullnat_lport_max=5004 \
		net.ipv4.vs.sloppy_tcp=1 net.ipv6.conf.fuzz0.forwarding=1
	flows=()
	for family in 4 6; do
		fullnat_service -t $family 80
		fullnat_service -u $family 53
		flows+=("$(addr client_ip $family)=1000..1019-$(addr vip $family)=80,53"
			"$(addr rs1_ip $family)=80,53-$(lip 1 $family)=5000..5004")
	done
}

# fuzz_mute: client and real servers drop what comes, unseen: their answers cost
# more than all else.
fuzz_mute() {
	local ns
	for ns in "$client" "$rs1" "$rs2"; do
		in_ns "$ns" tc qdisc add dev eth0 clsact
		in_ns "$ns" tc filter add dev eth0 ingress matchall action drop
	done
}

fuzz_unmute() {
	local ns
	for ns in "$client" "$rs1" "$rs2"; do in_ns "$ns" tc qdisc del dev eth0 clsact; done
}

# fuzz_packets N: in rounds, with the option for the client's address and without,
# with time stamps translated and taken out. Each round says its seed.
fuzz_packets() {
	local left=$1 round=$(($1 > 200000 ? 100000 : $1 / 2)) toa=1 report
	fuzz_sent=0
	while [ "$left" -gt 0 ]; do
		set_sysctl "$director" net.ipv4.vs.fullnat_toa_entry=$toa net.ipv4.vs.fullnat_timestamp_remove_entry=$((1 - toa))
		report=$(in_ns "$director" labnet fuzz -tun fuzz0 -workers 2 -n "$round" "${flows[@]}")
		echo "# TOA $toa: $report"
		report=${report#*\"sent\":}
		fuzz_sent=$((fuzz_sent + ${report%%,*}))
		left=$((left - round))
		toa=$((1 - toa))
	done
}

# fuzz_reached: packets have come to all the places that they are made for.
fuzz_reached() {
	local name
	for name in fullnat_in_pkts fullnat_out_pkts fullnat_icmp_in fullnat_icmp_out fullnat_bad_header fullnat_bad_icmp \
		fullnat_no_port fullnat_no_conn fullnat_ttl_exceeded fullnat_add_toa_ok fullnat_add_toa_head_full fullnat_toa_del_opt; do
		expect_within "they reached $name" 1 1000000000 "$(counter "$director" $name)"
	done
}

# fuzz_recovers: the ports are all taken now; a drain gives them back, and real
# traffic goes on.
fuzz_recovers() {
	local family
	in_ns "$director" labnet family drain >/dev/null
	poll_until 20 "every connection is given back" all_given_back
	ipvs -C
	for family in 4 6; do
		fullnat_service -t $family 80
		check "IPv$family: real traffic goes on" web $family
	done
}

# fuzz_netlink N: messages of several senders to both netlink families, services,
# real servers and local addresses coming and going, under packets.
fuzz_netlink() {
	local family report
	local -a addrs=(0.0.0.0 ::)
	for family in 4 6; do
		addrs+=("$(addr vip $family)" "$(lip 1 $family)" "$(lip 2 $family)" "$(addr rs1_ip $family)")
	done
	start_in "$director" fuzz-packets labnet fuzz -tun fuzz0 -n 100000000 "${flows[@]}"
	run_in "$director" labnet fuzz-netlink -workers 4 -n "$1" "${addrs[@]}" >"$lab_tmp/netlink.json"
	sed 's/^/# netlink: /' "$lab_tmp/netlink.json"
	report=$(tail -n 1 "$lab_tmp/netlink.json")
	check "packets went on meanwhile" kill -0 "${lab_pid[fuzz-packets]}"
	stop fuzz-packets || true
	# EPERM does not come to root: these are of the handlers.
	expect_match "messages were taken" '"sent":[1-9]' "$report"
	expect_match "and refused: ENOENT" '"ENOENT":[1-9]' "$report"
	expect_match "ESRCH" '"ESRCH":[1-9]' "$report"
	expect_match "EINVAL" '"EINVAL":[1-9]' "$report"
	expect_match "EOPNOTSUPP" '"E(OP)?NOTSUPP?":[1-9]' "$report"
}

# fuzz_fresh: what a namespace's death under messages and packets leaves is for
# the end of the scene to find; a new director serves.
fuzz_fresh() {
	start_in "$director" last-packets labnet fuzz -tun fuzz0 -n 100000000 "${flows[@]}"
	start_in "$director" last-messages labnet fuzz-netlink -workers 2 -n 100000000 "$vip4" "$vip6" "$lip4" "$lip6"
	wait_log last-messages seed
	ip netns del "$director"
	# It lives as long as they do.
	stop last-packets KILL || true
	stop last-messages KILL || true
	fuzz_setup
	check "a new director serves" web 4
	check "by IPv6, too" web 6
}
