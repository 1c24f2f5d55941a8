# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Packets that the director's devices have merged (GRO, and GRO as a list of
# packets), in bursts, from both sides; a reverse path filter that is loose; and
# routes by the mark of each answer.
# timeout: 240

setup_lab
serve "$rs1" rs1
for family in 4 6; do
	ipvs -R <<-END
		-A -u $(svc $family 53) -s rr
		-a -u $(svc $family 53) -r $(rs 1 $family 53) -b
		-P -u $(svc $family 53) -z $(lip 1 $family)
		-A -t $(svc $family 8080) -s rr
		-a -t $(svc $family 8080) -r $(rs 1 $family 8080) -b
		-P -t $(svc $family 8080) -z $(lip 1 $family)
	END
done
set_sysctl "$director" net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.cl.rp_filter=2 net.ipv4.conf.rs1.rp_filter=2
# Packets leave both ends several at a time.
for ns in "$client" "$rs1"; do
	in_ns "$ns" ethtool -K eth0 tx off >/dev/null
	in_ns "$ns" tc qdisc add dev eth0 root netem slot 20ms 20ms
done

for list in off on; do
	for dev in cl rs1; do
		in_ns "$director" ethtool -K $dev gro on rx-gro-list $list rx-udp-gro-forwarding on >/dev/null
	done
	for family in 4 6; do
		name="as a list $list, IPv$family"
		capture_start "$director" cl cl -Q in udp port 53
		capture_start "$director" rs1 rs -Q in udp port 53
		check "$name: bursts of datagrams come back" \
			in_ns "$client" labnet udp-echo -burst -count 12 -flows 3 -size 900 "$(svc $family 53)"
		for side in cl rs; do
			capture_stop $side >/dev/null
			expect_match "$name: they were merged ($side)" ', length ([2-9][0-9]{3}|[0-9]{5,}):' \
				"$(tcpdump -Z root -e -t -n -r "$lab_tmp/$side.pcap" 2>/dev/null)"
		done
		check "$name: transfers compare, each way" \
			in_ns "$client" labnet fetch -parallel 2 -size 60K "http://$(svc $family 8080)"
	done
done

# An answer's mark, set where FULLNAT can see it, leads it: here to nowhere, in
# the middle of a connection, and back.
for family in 4 6; do
	in_ns "$director" ip -$family rule add fwmark 7 unreachable
	start_in "$client" "keep$family" labnet keep -n 1 -timeout 20s "$(svc $family 8080)"
	wait_log "keep$family" READY
done
lost=$(($(counter "$director" fullnat_no_route) + 2))
in_ns "$director" nft -f - <<-END
	table inet lead { chain pre { type filter hook prerouting priority raw; iif rs1 tcp sport 8080 meta mark set 7; }; }
END
# At least one of each family.
has_lost() { [ "$(counter "$director" fullnat_no_route)" -ge $lost ]; }
poll_until 10 "a marked answer goes where its mark leads" has_lost
in_ns "$director" nft delete table inet lead
for family in 4 6; do expect_kept "IPv$family: without it the connection goes on" "keep$family"; done
