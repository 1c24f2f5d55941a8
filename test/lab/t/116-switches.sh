# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Stock's switches in net.ipv4.vs, persistence with and without a netmask, what
# nobody wants on a vip, and SCTP.
# timeout: 240

setup_lab
serve_everywhere
for family in 4 6; do
	fullnat_service -t $family 80
	fullnat_service -u $family 53
done
vs=net.ipv4.vs

# works NAME: both families and protocols. A SYN may be lost once where stock
# drops on purpose.
works() {
	local family
	for family in 4 6; do
		check "$1: IPv$family TCP" in_ns "$client" labnet conns -n 6 -timeout 8s -request "$(svc $family 80)"
		check "$1: IPv$family UDP" poll_udp $family
	done
}
poll_udp() {
	wait_until 10 in_ns "$client" labnet udp-echo -flows 2 -timeout 300ms "$(svc "$1" 53)"
}

modprobe nf_conntrack
in_ns "$director" nft -f - <<-END
	table inet track { chain in { type filter hook input priority filter; ct state invalid counter accept; }; }
END
# Those that drop on purpose are not beside others.
for switches in "conntrack=1 nat_icmp_send=1 sloppy_tcp=1 snat_reroute=0 schedule_icmp=1" \
	"pmtu_disc=0 expire_nodest_conn=1 ignore_tunneled=1 cache_bypass=1" "secure_tcp=3" "drop_packet=3" "drop_entry=3"; do
	was=()
	for switch in $switches; do
		was+=("$vs.${switch%=*}=$(in_ns "$director" sysctl -n "$vs.${switch%=*}")")
		set_sysctl "$director" "$vs.$switch"
	done
	works "$switches"
	set_sysctl "$director" "${was[@]}"
done
in_ns "$director" nft delete table inet track
expect_eq "nothing lost its binding" "0 0" "$(counter "$director" fullnat_unbound) $(counter "$director" fullnat_no_route)"

# What some of them mean for FULLNAT.
for family in 4 6; do
	bound=$(counter "$director" fullnat_conn_bound) told=$(counter "$director" fullnat_rst_client)
	set_sysctl "$director" $vs.sloppy_tcp=1
	expect_counter_delta "IPv$family: sloppy_tcp: segments in the middle of nothing are refused" "$director" fullnat_no_syn 5 \
		in_ns "$client" labnet flood -acks -n 5 -from "$(addr client_net $family)" "$(svc $family 80)"
	set_sysctl "$director" $vs.sloppy_tcp=0
	expect_eq "IPv$family: by RST, and take no port" "5 0" \
		"$(($(counter "$director" fullnat_rst_client) - told)) $(($(counter "$director" fullnat_conn_bound) - bound))"
	for setting in 0 1; do
		set_sysctl "$director" $vs.snat_reroute=$setting
		ip -n "$director" "-$family" rule add from "$(addr vip $family)" unreachable
		expect_counter_delta "IPv$family: snat_reroute $setting: answers go by the rule for their vip" "$director" fullnat_no_route '>=1' eval '
			in_ns "$client" labnet udp-echo -timeout 300ms "$(svc $family 53)" || true'
		ip -n "$director" "-$family" rule del from "$(addr vip $family)" unreachable
	done
done
# Each second stock looks at one in 32 of the places that connections can be in.
check "SYNs of nobody" in_ns "$client" labnet flood -n 200 "$(svc 4 80)"
done=$(counter "$director" fullnat_conn_done)
set_sysctl "$director" $vs.drop_entry=3
poll_until 20 "drop_entry: what stock gives up gives its port back" counter_reached "$director" fullnat_conn_done $((done + 3))
set_sysctl "$director" $vs.drop_entry=0

# Persistence: two clients of one network.
set_addresses "$client" eth0 192.0.2.77/24 2001:db8:c::77/64
two() {
	local port=$1 a b
	a=$(curl_in "$client" --interface "$2" "http://$4:$port/" | cut -d' ' -f1)
	b=$(curl_in "$client" --interface "$3" "http://$4:$port/" | cut -d' ' -f1)
	if [ "$a" = "$b" ]; then echo one; else echo two; fi
}
for family in 4 6; do
	masks=("" "-M 255.255.255.0")
	other=192.0.2.77
	if [ $family = 6 ]; then masks=("" "-M 64") other=2001:db8:c::77; fi
	want=two
	for mask in "${masks[@]}"; do
		# shellcheck disable=SC2086 # an option and its argument
		fullnat_service -t $family 8080 -p 60 $mask
		expect_eq "IPv$family: persistence ${mask:-without -M}: two clients of a network have $want real servers" $want \
			"$(two 8080 "$(addr client_ip $family)" $other "$(host "$(addr vip $family)")")"
		expect_eq "IPv$family: persistence ${mask:-without -M}: each client keeps its own" one \
			"$(two 8080 $other $other "$(host "$(addr vip $family)")")"
		ipvs -D -t "$(svc $family 8080)"
		want=one
	done
done

# Ports of a vip that are nobody's. By default the host answers.
serve "$director" host -tcp 9999 -udp 9999
for family in 4 6; do
	for setting in 0 1; do
		set_sysctl "$director" $vs.defence_tcp_drop=$setting $vs.defence_udp_drop=$setting
		# A SYN that is sent again counts again.
		expect_counter_delta "IPv$family: defence $setting, TCP" "$director" defence_tcp_drop "${setting/1/>=1}" eval '
			in_ns "$client" labnet conns -n 1 -timeout 300ms "$(svc $family 9999)" || true'
		expect_counter_delta "IPv$family: defence $setting, UDP" "$director" defence_udp_drop $setting eval '
			in_ns "$client" labnet udp-echo -timeout 300ms "$(svc $family 9999)" || true'
		works "defence $setting"
		expect_match "IPv$family: defence $setting: an address that is no service's is as it was" '^host' \
			"$(curl_in "$client" "http://$(host "$(lip 1 $family)"):9999/")"
		expect_match "IPv$family: defence $setting: the host reaches itself" '^host' \
			"$(curl_in "$director" "http://$(svc $family 9999)/")"
	done
	set_sysctl "$director" $vs.defence_tcp_drop=0 $vs.defence_udp_drop=0
	expect_match "IPv$family: without it the host serves the port" '^host' "$(web $family 9999)"
done

# SCTP.
expect_match "the tool refuses an SCTP service's real servers" 'FULLNAT knows TCP and UDP only' \
	"$(ipvs -A --sctp-service "$vip4:5000" -s rr 2>&1; ipvs -a --sctp-service "$vip4:5000" -r "$rs1_ip4:5000" -b 2>&1)"
expect_match "and its local addresses" 'TCP and UDP only' "$(ipvs -P --sctp-service "$vip4:5000" -z "$lip4" 2>&1)"
expect_eq "and deletes the service without a word" "" "$(ipvs -D --sctp-service "$vip4:5000" 2>&1)"
# A mark takes SCTP along: INIT from port 6000 to 5000.
in_ns "$director" nft -f - <<-END
	table ip marks { chain pre { type filter hook prerouting priority mangle; ip protocol sctp meta mark set 9; }; }
END
ipvs -A -f 9 -s rr
ipvs -a -f 9 -r "$rs1_ip4:0" -b
ipvs -P -f 9 -z "$lip4"
init=01000014123456780001000000010001deadbeef
expect_counter_delta "SCTP by a mark is refused" "$director" fullnat_bad_proto '>=1' \
	in_ns "$client" labnet raw "450000340000400040840000$(hex_ip "$client_ip4")$(hex_ip "$vip4")177013880000000000000000$init"
expect_match "and the log says why" 'TCP and UDP only' "$(dmesg | tail -n 20)"
