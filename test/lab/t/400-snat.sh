# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SNAT zones: machines of two networks reach the outside by TCP, UDP and ping,
# each from its zone's local addresses; the switch, the order of zones, the
# black list, what is in no zone, and what the lists show.
# edge: yes
# timeout: 300

. /lab/lib-snat.sh
setup_snat_lab
serve "$out" out

for family in 4 6; do
	any=0.0.0.0:0
	[ $family = 4 ] || any='[::]:0'
	check_fails "IPv$family: without SNAT nobody outside can answer" in_ns "$in1" curl -sS --max-time 1 "http://$(outside $family 80)/"
	zone 1 $family "$(lip 1 $family)" "$(lip 2 $family)"
	zone 2 $family "$(lip 3 $family)"
	check_fails "IPv$family: zones alone do nothing" in_ns "$in1" curl -sS --max-time 1 "http://$(outside $family 80)/"

	ipvs -A -t "$any" -s rr
	expect_match "IPv$family: the switch is a service" "TCP +$(regex "$any") rr" "$(ipvs -Ln)"
	seen=$(for _ in 1 2 3 4 5 6; do seen_from "$in1" $family; done | sort -u)
	expect_eq "IPv$family: zone 1 leaves from its two addresses" "$(lip 1 $family)"$'\n'"$(lip 2 $family)" "$seen"
	expect_eq "IPv$family: zone 2 leaves from its own" "$(lip 3 $family)" "$(seen_from "$in2" $family)"
	check_fails "IPv$family: UDP has a switch of its own" in_ns "$in1" labnet udp-echo -timeout 1s "$(outside $family 53)"
	ipvs -A -u "$any" -s rr
	check "IPv$family: datagrams, with fragments" in_ns "$in1" labnet udp-echo -flows 4 -size 5000 "$(outside $family 53)"
	if [ $family = 4 ]; then
		# 3008 bytes in three pieces that must not be taken to pieces.
		in_ns "$director" nft -f - <<-END
			table ip df {
				chain pre {
					type filter hook prerouting priority -500;
					ip frag-off 0x2000 ip frag-off set 0x6000
					ip frag-off 0x20b9 ip frag-off set 0x60b9
					ip frag-off 0x0172 counter ip frag-off set 0x4172
				}
			}
		END
		check "IPv4: fragments with DF" in_ns "$in1" labnet udp-echo -size 3000 "$(outside 4 53)"
		expect_match "IPv4: in both directions" 'counter packets 2 ' "$(in_ns "$director" nft list table ip df)"
		in_ns "$director" nft delete table ip df
	fi
	expect_counter_delta "IPv$family: ping" "$director" snat_conn_new 1 \
		in_ns "$in2" ping "-$family" -c 3 -i 0.2 -W 10 "$(addr out_ip $family)"
	check "IPv$family: ping with fragments" in_ns "$in2" ping "-$family" -c 2 -i 0.2 -W 10 -s 4000 "$(addr out_ip $family)"
	check "IPv$family: transfers compare" in_ns "$in1" labnet fetch -parallel 4 -size 1M "http://$(outside $family 80)"

	# What the lists show.
	start_in "$in1" hold$family labnet conns -n 5 -reset -request -hold 600s "$(outside $family 8080)"
	wait_log hold$family '"opened":5'
	expect_eq "IPv$family: stock lists them as established" 5 \
		"$(in_ns "$director" ipvsadm -Lnc | grep -c "ESTABLISHED.*8080")"
	expect_eq "IPv$family: with their local addresses" 5 \
		"$(ipvs -Lnc --local | grep "ESTABLISHED.*8080" | grep -cE "$(regex "$(lip 1 $family)")|$(regex "$(lip 2 $family)")")"
	# For snat_icmp_timeout: those from before may be too old.
	in_ns "$in2" ping "-$family" -c 1 -W 10 "$(addr out_ip $family)" >/dev/null
	expect_match "IPv$family: an echo is listed" "^ICMP.* NONE .*$(regex "$(in_ip 2 $family)")" "$(ipvs -Lnc)"
	expect_within "IPv$family: -G counts connections" 5 40 \
		$(($(zone_conns "$(in_net 1 $family)" "$(lip 1 $family)") + $(zone_conns "$(in_net 1 $family)" "$(lip 2 $family)")))
	stop hold$family KILL || true

	# The first zone that matches counts, and one without addresses drops.
	host_zone=$(in_ip 1 $family)/$([ $family = 4 ] && echo 32 || echo 128)
	ipvs -K --zone "$host_zone"
	expect_match "IPv$family: a later zone does not count" . "$(seen_from "$in1" $family)"
	ipvs -V --zone "$(in_net 1 $family)"
	for try in "curl -sS --max-time 1 http://$(outside $family 80)/" "labnet udp-echo -timeout 1s $(outside $family 53)" \
		"ping -$family -c 1 -W 1 $(addr out_ip $family)"; do
		# shellcheck disable=SC2086 # words of a command
		expect_counter_delta "IPv$family: the black list drops ${try%% *}" "$director" snat_blocked '>=1' \
			eval "! in_ns $in1 $try"
	done
	ipvs -U --zone "$host_zone" -z "$(lip 4 $family)"
	expect_eq "IPv$family: with an address it does no more" "$(lip 4 $family)" "$(seen_from "$in1" $family)"
	ipvs -V --zone "$host_zone"

	# In no zone: as if we were not there, or dropped.
	set_routes "$router" 203.0.113.1 2001:db8:e::1 "$(in_net 1 $family)"
	expect_eq "IPv$family: what is in no zone is forwarded as it is" "$(in_ip 1 $family)" "$(seen_from "$in1" $family)"
	set_sysctl "$director" net.ipv4.vs.snat_no_zone_drop=1
	expect_counter_delta "IPv$family: or dropped" "$director" snat_no_zone '>=1' \
		eval '! in_ns "$in1" curl -sS --max-time 1 "http://$(outside $family 80)/"'
	set_sysctl "$director" net.ipv4.vs.snat_no_zone_drop=0

	# Traffic of the director itself and to it.
	expect_match "IPv$family: the director's own traffic is left alone" . \
		"$(in_ns "$director" curl -sS --max-time 20 "http://$(outside $family 80)/" | grep -E "peer=\[?(203|2001:db8:e)")"
	ipvs -K --zone "$([ $family = 4 ] && echo 0.0.0.0/0 || echo ::/0)"
	check "IPv$family: so is what is for it" in_ns "$in1" ping "-$family" -c 1 -W 10 "$(addr vip $family)"
	ipvs -V --zone "$([ $family = 4 ] && echo 0.0.0.0/0 || echo ::/0)"
done

# Save and restore.
ipvs -S -n >"$lab_tmp/saved"
expect_match "zones are saved" "^-K --zone $(regex "$in2_net4")" "$(cat "$lab_tmp/saved")"
ipvs -C
expect_eq "nothing is left behind -C" "" "$(ipvs -S -n)"
ipvs -R <"$lab_tmp/saved"
expect_eq "restored as they were" "$(cat "$lab_tmp/saved")" "$(ipvs -S -n)"
expect_eq "and they work" "$(lip 3 4)" "$(seen_from "$in2" 4)"

# As the gateways of Alibaba's LVS are set up: a switch that is persistent and has a
# real server, one zone for everything.
ipvs -C
ipvs -R <<-END
	-A -t 0.0.0.0:0 -s rr -p 10
	-a -t 0.0.0.0:0 -r 203.0.113.2:0 -m
	-K --zone 0.0.0.0/0
	-U --zone 0.0.0.0/0 -z $(lip 2 4)
END
for n in 1 2; do
	ns=in$n
	expect_eq "one zone for everything: machine $n" "$(lip 2 4)" "$(seen_from "${!ns}" 4)"
done
ipvs -W --zone 0.0.0.0/0 -z "$(lip 2 4)"
expect_counter_delta "and without its address" "$director" snat_blocked '>=1' \
	eval '! in_ns "$in1" curl -sS --max-time 1 "http://$(outside 4 80)/"'

ipvs --drain
poll_until 10 "drained" flows_done
