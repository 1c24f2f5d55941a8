# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The fast path: packets in the middle of a connection pass by the host's INPUT
# and OUTPUT, and are counted, timed and ended as ever; what is not of the usual
# kind, and hosts with things to do on each packet, keep the usual way.
# timeout: 480
# once: newest

setup_lab
give_up_soon "$client" "$rs1" "$rs2"
serve_everywhere
fast=net.ipv4.vs.fullnat_fast_path
in_ns "$director" nft -f - <<-END
	table inet seen {
		counter input { }
		counter output { }
		chain in { type filter hook input priority filter; tcp dport 8080 counter name "input"; }
		chain out { type filter hook output priority filter; tcp dport 8080 counter name "output"; tcp sport 8080 counter name "output"; }
	}
END

# seen input|output: packets of services that a rule there has met.
seen() {
	in_ns "$director" nft list counter inet seen "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

# fast_pkts COMMAND...: how many packets took the fast path meanwhile.
fast_pkts() {
	local before
	before=$(counter "$director" fullnat_fast_pkts)
	"$@" >/dev/null
	echo $(($(counter "$director" fullnat_fast_pkts) - before))
}

# fetch 4|6 PORT
fetch() {
	in_ns "$client" labnet fetch -parallel 2 -size 60K "http://$(svc "$1" "$2")"
}

# usual_pkts FILE VIP.PORT: packets to there in a capture that are not of the fast
# path: SYN, what answers to the handshake, and all from the first FIN on, of
# which the server's comes before the acknowledgements of its last data.
usual_pkts() {
	awk -v vip="$2" '!/Flags/ { next }
		{ for (i = 2; $i != ">"; i++); from = $(i - 1); to = $(i + 1); flags = $(i + 3); sub(/:$/, "", to) }
		to == vip && (flags ~ /[SFR]/ || over[from] || !seen[from]++) { n++ }
		flags ~ /[FR]/ { over[from == vip ? to : from] = 1 }
		END { print n + 0 }' "$1"
}

expect_eq "nobody takes it unasked" 0 "$(in_ns "$director" sysctl -n $fast)"
for family in 4 6; do
	service=$(svc $family 8080)
	ipvs -A -t "$service" -s rr
	ipvs -a -t "$service" -r "$(rs 1 $family 8080)" -b
	ipvs -P -t "$service" -z "$(lip 1 $family)"
	fullnat_service -t $family 80
	fullnat_service -u $family 53

	# Not on the service whose counts are looked at: -Z forgets what the kernel
	# has added up so far, which it does now and then.
	expect_eq "IPv$family: nor is it taken" 0 "$(fast_pkts fetch $family 80)"
	poll_until 10 "IPv$family: that is over" eval '! ipvs -Lnc | grep -Eq "ESTABLISHED|FIN_WAIT|CLOSE_WAIT|LAST_ACK"'
	set_sysctl "$director" $fast=1
	input=$(seen input) output=$(seen output) before=$(counter "$director" fullnat_fast_pkts)
	expect_counts_of_wire $family 8080
	took=$(($(counter "$director" fullnat_fast_pkts) - before))
	read -r _ in_packets _ <<<"$wire_counts"
	usual=$(usual_pkts "$lab_tmp/stat.txt" "$(addr vip $family).8080")
	echo "# $took of $in_packets packets took it; $usual begin or end a connection"
	# Behind a FIN that the other CPU has in hand, two for each connection.
	expect_within "IPv$family: all but beginnings and ends take it" $((in_packets - usual - 8)) $((in_packets - usual + 8)) $took
	expect_eq "IPv$family: rules in INPUT meet the others" $((in_packets - took)) $(($(seen input) - input))
	expect_eq "IPv$family: rules in OUTPUT meet none" 0 $(($(seen output) - output))
	expect_eq "IPv$family: datagrams take it, but for the first of a flow" 19 \
		"$(fast_pkts in_ns "$client" labnet udp-echo -count 20 "$(svc $family 53)")"

	for master in conntrack sync; do
		case $master in
		conntrack) set_sysctl "$director" net.ipv4.vs.conntrack=1 ;;
		sync) ipvs --start-daemon master --mcast-interface rs2 ;;
		esac
		expect_eq "IPv$family: none with $master" 0 "$(fast_pkts fetch $family 8080)"
		case $master in
		conntrack) set_sysctl "$director" net.ipv4.vs.conntrack=0 ;;
		sync) ipvs --stop-daemon master ;;
		esac
	done

	# Switched over and over, under connections that go on.
	start_in "$client" keep$family labnet keep -n 8 -interval 5ms "$(svc $family 80)"
	wait_log keep$family READY
	for round in 0 1 0 1 0 1 0 1 0 1; do set_sysctl "$director" $fast=$round; done
	expect_within "IPv$family: connections that live take it" 1 100000 "$(fast_pkts wait_until 1 false || true)"
	expect_kept "IPv$family: and are served all the time" keep$family

	# A real server that is taken away: stock says what becomes of its connections.
	start_in "$client" left$family labnet keep -n 2 -interval 20ms -timeout $((2 * LAB_SLOW))s "$(svc $family 80)"
	wait_log left$family READY
	for n in 1 2; do ipvs -d -t "$(svc $family 80)" -r "$(rs $n $family 80)"; done
	expect_eq "IPv$family: nothing more goes to real servers that were taken away" 0 "$(fast_pkts wait_until 1 false || true)"
	stop left$family || true
	ipvs -C
	set_sysctl "$director" $fast=0
	ipvs --drain
	poll_until 30 "IPv$family: all connections are given back" all_given_back
done
