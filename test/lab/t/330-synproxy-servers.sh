# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SYNPROXY: real servers that refuse, are silent, are not there, or are not to be
# used; persistence, thresholds, marks.
# timeout: 300
# once: oldest

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_lab
setup_script
serve_everywhere
syn=syn=mss1460,sack,ts,ws7

# server WEIGHT...: rs1's setting.
server() {
	ipvs -e -t "$(svc $family 80)" -r "$(rs 1 $family 80)" -b "$@"
}

for family in 4 6; do
	vip=$(svc $family 80)
	synproxied $family
	server -w 0
	moves "weight 0: RST" synproxy_no_dest 1 $family 30001 $syn synack ack gotrst
	server -w 1 -x 1
	start_in "$client" holder$family labnet keep -n 1 -timeout 30s "$vip"
	wait_log holder$family READY
	moves "above its threshold: RST" synproxy_no_dest 1 $family 30002 $syn synack ack gotrst
	expect_kept "IPv$family: the one below it is served" holder$family
	server -w 1 -x 0
	ipvs -d -t "$vip" -r "$(rs 1 $family 80)"
	moves "no real server: RST" synproxy_no_dest 1 $family 30003 $syn synack ack gotrst

	# Nothing listens on port 81, nobody is at .99.
	closed=$(host "$(addr rs1_ip $family)"):81
	ipvs -a -t "$vip" -r "$closed" -b
	moves "it refuses: RST" synproxy_rs_error 1 $family 30010 $syn synack ack gotrst
	# Data that was under way when it refused makes another attempt.
	moves "also to a client that has sent" synproxy_rs_error '>=1' $family 30011 $syn synack ack "$page" gotrst
	synproxy_set next_rs=1
	ipvs -a -t "$vip" -r "$(rs 2 $family 80)" -b
	before=$(counter "$director" synproxy_rs_next)
	out=$(in_ns "$client" labnet conns -n 10 -parallel 1 -request "$vip" 2>&1) || true
	expect_match "IPv$family: or the next one is tried" '"opened":10,"failed":0.*"rs2":10' "$out"
	# Round robin gives each client the closed one first.
	expect_within "IPv$family: for each client" 9 10 $(($(counter "$director" synproxy_rs_next) - before))
	synproxy_set next_rs=0
	ipvs -d -t "$vip" -r "$(rs 2 $family 80)"
	ipvs -d -t "$vip" -r "$closed"

	in_ns "$rs1" nft -f - <<-END
		table inet mute { chain in { type filter hook input priority 0; tcp dport 82 drop; }; }
	END
	silent=$(host "$(addr rs1_ip $family)"):82
	ipvs -a -t "$vip" -r "$silent" -b
	synproxy_set syn_retry=1
	capture_start "$rs1" eth0 silent$family tcp port 82
	before=$(counter "$director" synproxy_syn_resent)
	moves "it is silent: RST" synproxy_rs_error 1 $family 30020 $syn synack ack gotrst
	capture_stop silent$family >"$lab_tmp/silent$family.txt"
	expect_eq "IPv$family: after one more try" 2 "$(grep -c 'Flags \[S\]' "$lab_tmp/silent$family.txt")"
	expect_eq "IPv$family: which is counted" 1 $(($(counter "$director" synproxy_syn_resent) - before))
	expect_eq "IPv$family: and is the same SYN" 1 \
		"$(grep -o 'seq [0-9]*' "$lab_tmp/silent$family.txt" | sort -u | wc -l)"
	# The clients' turns get mixed up: one may meet the silent one several times.
	synproxy_set next_rs=7 syn_retry=0
	ipvs -a -t "$vip" -r "$(rs 2 $family 80)" -b
	out=$(in_ns "$client" labnet conns -n 4 -parallel 4 -request "$vip" 2>&1) || true
	expect_match "IPv$family: silent, and the next one is tried" '"opened":4,"failed":0.*"rs2":4' "$out"
	synproxy_set next_rs=0 syn_retry=3
	in_ns "$rs1" nft delete table inet mute
	ipvs -C

	# A connection that the director has forgotten, and the real server has not,
	# on the only local port there is.
	synproxied $family
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=7000 net.ipv4.vs.fullnat_lport_max=7000 \
		net.ipv4.vs.conn_expire_tcp_rst=0
	ipvs --set 1 1 1
	start_in "$client" forgotten$family labnet keep -n 1 -interval 1h "$vip"
	wait_log forgotten$family READY
	poll_until 10 "IPv$family: a connection is forgotten" eval '[ -z "$(fullnat_conns ":7000 ")" ]'
	ipvs --set 900 120 300
	before=$(counter "$director" synproxy_rst_server)
	moves "what the real server says of it is dropped" synproxy_rs_stale 1 $family 30025 \
		$syn synack ack "$page" "$page_end" fin
	expect_eq "IPv$family: it gets a RST, and takes the new one" 1 $(($(counter "$director" synproxy_rst_server) - before))
	stop forgotten$family || true
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=65535 net.ipv4.vs.fullnat_lport_min=5000 \
		net.ipv4.vs.conn_expire_tcp_rst=1
	ipvs -C

	# Persistence: one client, one real server. Of two first connections at
	# once stock may send each to one of its own.
	fullnat_service -t $family 80 -p 100 -j enable
	first=$(in_ns "$client" labnet conns -n 1 -request "$vip" | grep -o '"rs[12]"')
	out=$(in_ns "$client" labnet conns -n 10 -parallel 5 -request "$vip")
	expect_match "IPv$family: persistence holds" "\"servers\":\\{$first:10\\}" "$out"
	ipvs -C

	# A real server that is none of ours, past our tool.
	synproxied $family
	in_ns "$director" ipvsadm -d -t "$vip" -r "$(rs 1 $family 80)"
	in_ns "$director" ipvsadm -a -t "$vip" -r "$(rs 1 $family 80)" -m
	moves "a NAT real server is not used" synproxy_bad_dest 1 $family 30030 $syn synack ack gotrst
	ipvs -C
done

# By mark, set where nft does and where the packet comes from.
for family in 4 6; do
	flag=
	[ $family = 4 ] || flag=-6
	ipvs -R <<-END
		-A -f 7 $flag -s rr -j enable
		-a -f 7 $flag -r $(host "$(addr rs1_ip $family)"):0 -b
		-P -f 7 $flag -z $(lip 1 $family)
	END
done
in_ns "$director" nft -f - <<-END
	table inet marks { chain pre { type filter hook prerouting priority mangle; tcp dport 80 meta mark set 7; }; }
END
for family in 4 6; do
	moves "a service by mark" synproxy_spliced 1 $family 30040 $syn synack ack "$page" "$page_end" fin
	expect_match "IPv$family: -Ln shows it" '^FWM  7 .*synproxy' "$(ipvs -Ln)"
done
in_ns "$director" nft delete table inet marks
ipvs -C
