# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: ip_vs_fullnat toa
# qemu: -accel tcg,thread=single -smp 2
# edge: yes
# timeout: 300
# Programs on a real server see the client that a TCP option tells: IPv4, IPv6
# and both on one socket, by accept4() and getpeername(); on the wire everything
# stays, and without an option nothing changes. And behind our own director.

setup_insert
answer 7004
answer 7006 -6

expect_wire "no option: an IPv4 server sees its peer" "$client_ip4" "$(ask 4 7004)"
expect_wire "no option: a dual-stack one, too" "::ffff:$client_ip4" "$(ask 4 7006)"
expect_wire "no option: IPv6" "$client_ip6" "$(ask 6 7006)"

for kind in 254 200; do
	insert "v4:$kind:$told_ip4"
	expect_told "kind $kind: an IPv4 server sees the client" "$told_ip4" "$(ask 4 7004)"
	expect_told "kind $kind: a dual-stack one in the v4-mapped form" "::ffff:$told_ip4" "$(ask 4 7006)"
done
for kind in 253 254; do
	insert "v6:$kind:$told_ip6"
	expect_told "kind $kind: IPv6" "$told_ip6" "$(ask 6 7006)"
done
insert "$(toa_option 4)"
expect_told "an IPv4 client in front of an IPv6 connection" "::ffff:$told_ip4" "$(ask 6 7006)"

insert "v6:254:$told_ip6"
out=$(ask 4 7004)
expect_wire "NAT64: an IPv4 socket keeps its peer" "$client_ip4" "$out"
port=$(sed -n 's/.* told=\([0-9]*\) .*/\1/p' <<<"$out")
expect_match "NAT64: and the socket option has the client" " nat64=$(regex "[$told_ip6]:$port")\$" "$out"
expect_told "NAT64: a dual-stack socket sees it" "$told_ip6" "$(ask 4 7006)"
insert "$(toa_option 4)"
none=invalid_argument
# BPF leaves the kernel's answer.
by module || none=protocol_not_available
expect_match "the socket option is for IPv6 clients" " nat64=$none\$" "$(ask 4 7004)"

expect_toa_delta "a connection with an option is counted" syn_recv_sock_toa 1 ask 4 7004
expect_toa_delta "and its two questions" getname_toa_ok 2 ask 4 7004
insert_off
expect_toa_delta "one without, too" syn_recv_sock_no_toa 1 ask 4 7004
if by module; then
	# toa-bpf counts the questions of the client, too.
	expect_toa_delta "and its questions" getname_toa_bypass 2 ask 4 7004
fi

# Connections that stay, to be looked at. Netfilter counts packets of the wire's
# addresses on the way in and out, and none of the clients'.
in_ns "$rs1" nft -f - <<-END
	table inet seen {
		counter wire4 { }
		counter wire6 { }
		counter client { }
		chain in {
			type filter hook input priority 0
			ip saddr $client_ip4 tcp dport 80 counter name wire4
			ip6 saddr $client_ip6 tcp dport 80 counter name wire6
			ip saddr $told_ip4 counter name client
			ip6 saddr $told_ip6 counter name client
		}
		chain out {
			type filter hook output priority 0
			ip daddr $told_ip4 counter name client
			ip6 daddr $told_ip6 counter name client
		}
	}
END

# seen COUNTER: its packets.
seen() {
	in_ns "$rs1" nft list counter inet seen "$1" | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}

# proc_hex ADDRESS: as /proc/net/tcp and tcp6 have its last four bytes, the last
# one first.
proc_hex() {
	local -a b
	case $1 in
	*:*) printf '%02X000000' "0x${1##*:}" ;;
	*) IFS=. read -ra b <<<"$1" && printf '%02X%02X%02X%02X' "${b[3]}" "${b[2]}" "${b[1]}" "${b[0]}" ;;
	esac
}

# proc_tcp ADDRESS: how many connections to port 80 the kernel's tables show there.
proc_tcp() {
	in_ns "$rs1" cat /proc/net/tcp /proc/net/tcp6 |
		awk -v peer="$(proc_hex "$1"):" '$2 ~ /:0050$/ && $4 == "01" && index($3, peer) { n++ } END { print n + 0 }'
}

wait_until 10 toa_nothing_left
serve "$rs1" rs1
insert "$(toa_option 6)"
start_in "$client" keep6 labnet conns -n 2 -request -hold 600s "$(rs 1 6 80)"
wait_log keep6 '"opened":2'
expect_match "IPv6: the list has the wire and the client" \
	"^$(regex "[$rs1_ip6]:80 [$client_ip6]:")[0-9]+ $(regex "[$told_ip6]:")[0-9]+\$" "$(toa_conns)"
expect_eq "IPv6: /proc/net/tcp6 has the wire's address only" "2 0" "$(proc_tcp "$client_ip6") $(proc_tcp "$told_ip6")"
expect_match "IPv6: ss shows the wire" "$(regex "[$client_ip6]"):" "$(in_ns "$rs1" ss -tnH)"
expect_no_match "IPv6: and not the client" "$(regex "[$told_ip6]")" "$(in_ns "$rs1" ss -tnH)"
stop keep6 || true
wait_until 10 toa_nothing_left
insert "$(toa_option 4)"
start_in "$client" keep labnet conns -n 3 -request -hold 600s "$(rs 1 4 80)"
wait_log keep '"opened":3'
expect_eq "/proc/net/tcp has the wire's address only" "3 0" "$(proc_tcp "$client_ip4") $(proc_tcp "$told_ip4")"
# SYN, ACK and request of each.
expect_within "netfilter counts packets of the wire's addresses, IPv4" 9 1000 "$(seen wire4)"
expect_within "and IPv6" 6 1000 "$(seen wire6)"
expect_eq "and none of the clients'" 0 "$(seen client)"
conn=$(toa_conns | head -n 1)
port=$(sed -n "s/.* $(regex "$client_ip4"):\([0-9]*\) .*/\1/p" <<<"$conn")
expect_eq "the list has the wire and the client" \
	"$rs1_ip4:80 $client_ip4:$port $told_ip4:$((port ^ 0x5555))" "$conn"
expect_eq "one line for each" 3 "$(toa_conns | wc -l)"
expect_match "ss shows the wire" "$(regex "$client_ip4")\\]?:$port" "$(in_ns "$rs1" ss -tnH)"
expect_no_match "and not the client" "$(regex "$told_ip4")" "$(in_ns "$rs1" ss -tnH)"
expect_eq "how many there are" 3 "$(toa_live)"
# "ip netns exec" would hide the BPF file system.
listing=$(nsenter --net="/run/netns/$rs1" toa-ss)
expect_match "toa-ss shows both" "ESTAB .*$(regex "$client_ip4")\\]?:$port +$(regex "$told_ip4:$((port ^ 0x5555))")" "$listing"
expect_eq "by the client, one finds it" 3 "$(nsenter --net="/run/netns/$rs1" toa-ss -H -c 203.0.113.0/24 state established | wc -l)"
expect_eq "and not by another one" 0 "$(nsenter --net="/run/netns/$rs1" toa-ss -H -c 203.0.114.0/24 | wc -l)"
stop keep || true
poll_until 10 "nothing is left when they have ended" toa_nothing_left
insert_off

# Behind the real director, without the other one.
ip -n "$director" rule del iif cl lookup 100
ip -n "$director" -6 rule del iif cl lookup 100
for family in 4 6; do
	serve "$rs2" "rs2-$family" -tcp "808$family" -udp ""
	svc=$(svc $family "808$family")
	ipvs -A -t "$svc" -s rr
	ipvs -a -t "$svc" -r "$(rs 2 $family "808$family")" -b
	ipvs -P -t "$svc" -z "$(lip 1 $family)"
	# Below those that others are given.
	page=$(in_ns "$client" curl -sS --max-time 20 --local-port "2500$family" "http://$svc/")
	expect_match "IPv$family: behind FULLNAT the server sees its client" \
		"peer=$(regex "$(host "$(addr client_ip $family)"):2500$family") " "$page"
	set_sysctl "$director" net.ipv4.vs.fullnat_toa_entry=0
	page=$(in_ns "$client" curl -sS --max-time 20 "http://$svc/")
	expect_match "IPv$family: without options, the local address" "peer=$(regex "$(host "$(lip 1 $family)"):")" "$page"
	set_sysctl "$director" net.ipv4.vs.fullnat_toa_entry=1
done
