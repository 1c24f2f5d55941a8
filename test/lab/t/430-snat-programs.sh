# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SNAT zones with the programs that people use: curl, dig, ping, traceroute and
# iperf3 from each of two zones, through one gateway that serves by FULLNAT as
# well. Each side sees its own zone's address and no other.
# programs: dig dnsmasq
# once: oldest
# timeout: 300

. /lab/lib-snat.sh
setup_snat_lab
add_server 1
serve "$rs1" rs1
serve "$out" out -udp ""
for ns in "$director" "$router"; do
	set_sysctl "$ns" net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
done
switch_on
for family in 4 6; do
	fullnat_service -t $family 80
	ipvs -d -t "$(svc $family 80)" -r "$(rs 2 $family 80)"
done

# A name server outside that says whom it has answered, and has a record that
# does not fit a packet.
long=$(printf 'x%.0s' {1..250})
start_in "$out" names dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --user=root --pid-file= \
	--log-queries --log-facility=- --edns-packet-max=4096 --port=53 \
	--address=/www.example/192.0.2.80 --address=/www.example/2001:db8:c::80 \
	--txt-record=long.example"$(for _ in {1..10}; do printf ',%s' "$long"; done)"
wait_log names 'started'

# from N 4|6 COMMAND...: on the machine of network N.
from() {
	local ns=in$1
	shift 2
	in_ns "${!ns}" "$@"
}

# expect_asked DESCRIPTION 4|6 N TYPE: the name server was asked from the Nth local
# address.
expect_asked() {
	poll_until 5 "$1" grep -E "query\[$4\] [a-z.]* from $(regex "$(lip "$3" "$2")")\$" "$lab_tmp/names.log"
}


for family in 4 6; do
	out_ip=$(addr out_ip $family)
	zone 1 $family "$(lip 2 $family)"
	zone 2 $family "$(lip 3 $family)"
	start_in "$out" iperf$family iperf3 -s --forceflush "-$family" -B "$out_ip" -p "520$family"
	wait_log iperf$family 'Server listening'
	# Clients from outside meanwhile, by FULLNAT.
	start_in "$out" visitors$family labnet keep -n 4 -interval 50ms -timeout 30s "$(svc $family 80)"
	wait_log visitors$family READY

	for n in 1 2; do
		lip=$(lip $((n + 1)) $family)
		what="IPv$family, zone $n"
		expect_eq "$what: curl" "$lip" "$(ns=in$n && seen_from "${!ns}" $family)"
		answer=$(from $n $family dig "-$family" +short +timeout=10 @"$out_ip" www.example A)
		expect_eq "$what: dig" 192.0.2.80 "$answer"
		expect_asked "$what: the name server saw the zone's address" $family $((n + 1)) A
		answer=$(from $n $family dig "-$family" +tcp +short +timeout=10 @"$out_ip" www.example AAAA)
		expect_eq "$what: dig by TCP" 2001:db8:c::80 "$answer"
		answer=$(from $n $family dig "-$family" +notcp +ignore +short +bufsize=4096 +timeout=10 @"$out_ip" long.example TXT)
		expect_eq "$what: dig, an answer in fragments" 10 "$(grep -o "$long" <<<"$answer" | wc -l)"
		check "$what: ping" from $n $family ping "-$family" -c 3 -i 0.2 -W 10 "$out_ip"
		hops=$(from $n $family traceroute "-$family" -n -q 1 -w 10 -m 5 "$out_ip" | awk 'NR > 1 { printf "%s ", $2 }')
		expect_match "$what: traceroute" "^[^ ]+ $(regex "$([ $family = 4 ] && echo 203.0.113.2 || echo 2001:db8:e::2)") $(regex "$out_ip") \$" "$hops"
	done

	# iperf3 of both zones at once would be refused by its server: one after the other.
	for n in 1 2; do
		what="IPv$family, zone $n"
		for args in "-t 1" "-t 1 -R" "-t 1 -P 4 --bidir" "-t 1 -u -b 20M"; do
			wait_until 20 iperf_listens iperf$family
			# shellcheck disable=SC2086 # words of a command
			report=$(from $n $family iperf3 "-$family" -c "$out_ip" -p "520$family" -f k $args 2>&1) || report="$report FAILED"
			expect_match "$what: iperf3 $args" '[1-9][0-9.]* Kbits/sec.*receiver' "$(grep -v FAILED <<<"$report")"
			expect_no_match "$what: iperf3 $args ends well" FAILED "$report"
		done
		expect_match "$what: iperf3's server saw the zone's address" \
			"Accepted connection from $(regex "$(lip $((n + 1)) $family)")," "$(cat "$lab_tmp/iperf$family.log")"
	done
	stop iperf$family || true
	expect_kept "IPv$family: FULLNAT has served all the while" visitors$family
done
expect_eq "nothing was dropped" "0 0 0" \
	"$(for name in snat_no_port snat_stray snat_bad_header; do counter "$director" $name; done | xargs)"
