# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What stock IPVS does for a service it does for FULLNAT real servers: every
# scheduler, weights, thresholds, persistence, all ports, and firewall marks.
# timeout: 240

setup_lab
serve_everywhere

# spread 4|6 PORT N: opens N connections one after the other; prints how many
# each real server got, as "rs1=A rs2=B".
spread() {
	in_ns "$client" labnet conns -n "$3" -parallel 1 -request "$(svc "$1" "$2")" |
		sed -E 's/.*"servers":\{([^}]*)\}.*/\1/; s/"//g; s/:/=/g; s/,/ /g'
}

schedulers=$(schedulers)
expect_within "the kernel has stock's schedulers" 13 99 "$(wc -l <<<"$schedulers")"

for family in 4 6; do
	service=$(svc $family 80)
	fullnat_service -t $family 80
	server=$(rs 1 $family 80)

	for scheduler in $schedulers; do
		ipvs -E -t "$service" -s "$scheduler"
		expect_match "IPv$family: scheduler $scheduler" '^rs[12] peer=' "$(web $family)"
	done

	ipvs -E -t "$service" -s wrr
	ipvs -e -t "$service" -r "$server" -b -w 3
	expect_eq "IPv$family: weights 3 and 1" "rs1=6 rs2=2" "$(spread $family 80 8)"
	ipvs -e -t "$service" -r "$server" -b -w 0
	expect_eq "IPv$family: weight 0" "rs2=3" "$(spread $family 80 3)"
	ipvs -e -t "$service" -r "$server" -b -w 1

	fullnat_service -t $family 8080
	ipvs -e -t "$(svc $family 8080)" -r "$(rs 1 $family 8080)" -b -x 2
	expect_eq "IPv$family: a threshold of 2" "rs1=2 rs2=3" "$(spread $family 8080 5)"
	ipvs -D -t "$(svc $family 8080)"

	# Under -E and -e live connections go on.
	start_in "$client" keep labnet keep -n 4 "$service"
	wait_log keep READY
	ipvs -E -t "$service" -s sh
	ipvs -e -t "$service" -r "$server" -b -w 0
	expect_kept "IPv$family: it is edited under connections in use" keep
	ipvs -e -t "$service" -r "$server" -b -w 1

	ipvs -E -t "$service" -s rr -p 60
	expect_match "IPv$family: persistence keeps the real server" '^rs[12]=4$' "$(spread $family 80 4)"
	expect_match "IPv$family: by a template" ":0 +$(regex "$service")" "$(ipvs -Lnc)"
	ipvs -D -t "$service"

	# All ports, which stock wants to be persistent.
	ipvs -A -t "$(svc $family 0)" -s rr -p 60
	ipvs -a -t "$(svc $family 0)" -r "$(rs 1 $family 0)" -b
	ipvs -a -t "$(svc $family 0)" -r "$(rs 2 $family 0)" -b
	ipvs -P -t "$(svc $family 0)" -z "$(lip 2 $family)"
	out=$(web $family 80)$'\n'$(web $family 8080)
	expect_eq "IPv$family: all ports lead to the same real server" 1 "$(cut -d' ' -f1 <<<"$out" | sort -u | wc -l)"
	expect_match "IPv$family: at port 80" 'local=.*:80$' "$out"
	expect_match "IPv$family: at port 8080" 'local=.*:8080$' "$out"
	ipvs -D -t "$(svc $family 0)"
done

# A firewall mark, for an address that is nowhere configured.
in_ns "$director" nft -f - <<-END
	table inet marks {
		chain pre {
			type filter hook prerouting priority mangle;
			ip daddr 198.51.100.99 tcp dport { 80, 8080 } meta mark set 4
			ip daddr 198.51.100.99 udp dport 53 meta mark set 4
			ip6 daddr 2001:db8:f::99 tcp dport { 80, 8080 } meta mark set 6
			ip6 daddr 2001:db8:f::99 udp dport 53 meta mark set 6
		}
	}
END
in_ns "$director" ip rule add fwmark 4 lookup 100
in_ns "$director" ip route add local default dev lo table 100
in_ns "$director" ip -6 rule add fwmark 6 lookup 100
in_ns "$director" ip -6 route add local default dev lo table 100
for family in 4 6; do
	mark="-f $family"
	[ $family = 4 ] || mark+=" -6"
	vip=198.51.100.99
	[ $family = 4 ] || vip="[2001:db8:f::99]"
	# shellcheck disable=SC2086 # words
	{
		ipvs -A $mark -s rr
		ipvs -a $mark -r "$(rs 1 $family 0)" -b
		ipvs -a $mark -r "$(rs 2 $family 0)" -b
		ipvs -P $mark -z "$(lip 3 $family)"
		expect_match "IPv$family: -G shows the mark" '^FWM' "$(ipvs -G $mark)"
	}
	out=$(for port in 80 80 8080; do curl_in "$client" "http://$vip:$port/"; done)
	expect_match "IPv$family: a mark leads to rs1" "^rs1 peer=$(regex "$(host "$(lip 3 $family)")"):" "$out"
	expect_match "IPv$family: a mark leads to rs2" "^rs2 peer=" "$out"
	expect_match "IPv$family: on each port" ':8080$' "$out"
	check "IPv$family: UDP by the mark" in_ns "$client" labnet udp-echo -flows 2 "$vip:53"
done
expect_eq "nothing was refused" "0 0" "$(counter "$director" fullnat_no_service) $(counter "$director" fullnat_unbound)"
