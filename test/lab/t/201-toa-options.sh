# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# edge: yes
# timeout: 300
# Where the option may come (SYN, ACK, first data; with SYN cookies, deferred
# accept, Fast Open, MPTCP), which one counts, and that a wrong one does nothing.

setup_insert
answer 7004
option=$(toa_option 4)

for stage in syn ack; do
	insert -on $stage "$option"
	expect_told "on the $stage" "$told_ip4" "$(ask 4 7004)"
done
poll_until 10 "nothing is kept of SYNs" toa_nothing_left

answer 7010 -defer 5
for stage in syn data; do
	insert -on $stage "$option"
	expect_told "TCP_DEFER_ACCEPT, on the $stage" "$told_ip4" "$(ask 4 7010)"
done

set_sysctl "$rs1" net.ipv4.tcp_syncookies=2
insert -on ack,data "$option"
expect_told "SYN cookies, on the ACK" "$told_ip4" "$(ask 4 7004)"
insert -on syn "$option"
expect_wire "SYN cookies, on the SYN only: the wire's" "$client_ip4" "$(ask 4 7004)"
set_sysctl "$rs1" net.ipv4.tcp_syncookies=1

set_sysctl "$rs1" net.ipv4.tcp_fastopen=0x603
set_sysctl "$client" net.ipv4.tcp_fastopen=5
answer 7011 -fastopen
insert -on syn "$option"
expect_told "Fast Open, on the SYN" "$told_ip4" "$(ask 4 7011 -tfo)"
expect_match "it was Fast Open" 'TCPFastOpenPassive +[1-9]' "$(in_ns "$rs1" nstat -asz TCPFastOpenPassive 2>/dev/null || in_ns "$rs1" awk '/^TcpExt:/ { if (!n) { split($0, name); n = 1 } else for (i = 2; i <= NF; i++) print name[i], $i }' /proc/net/netstat)"

if has mptcp; then
	set_sysctl "$rs1" net.mptcp.enabled=1
	set_sysctl "$client" net.mptcp.enabled=1
	answer 7012 -mptcp
	insert "$option"
	expect_told "MPTCP" "$told_ip4" "$(ask 4 7012 -mptcp)"
	expect_told "a TCP client of an MPTCP server" "$told_ip4" "$(ask 4 7012)"
	insert_off
	expect_wire "MPTCP without an option" "$client_ip4" "$(ask 4 7012 -mptcp)"
	check_subflows
fi

# The first one counts, in a segment and in a connection.
insert "$option" "v4:254:203.0.113.99"
expect_told "the first of two counts" "$told_ip4" "$(ask 4 7004)"
insert -last "hex:0101" "$option"
expect_told "behind other options" "$told_ip4" "$(ask 4 7004)"
insert -on late "$option"
expect_wire "in later data it is not looked at" "$client_ip4" "$(ask 4 7004)"

# What is no option, or no client's address.
declare -A wrong=(
	["too short"]=hex:fe06123401020304
	["too long for IPv4"]=hex:fe0a12340102030405060101
	["cut off by the header's end"]=hex:01010101fe081234
	["length 0"]=hex:fe00123401020304
	["length 1"]=hex:fe01123401020304
	["length 255"]=hex:feff123401020304
	["behind the list's end"]=hex:00fe081234cb007107010101
	["another kind"]=hex:fc081234cb007107
	["port 0"]=hex:fe080000cb007107
	["address 0"]=hex:fe08123400000000
	["loopback"]=hex:fe0812347f000001
	["multicast"]=hex:fe081234e0000001
	["broadcast"]=hex:fe081234ffffffff
	["IPv6 unspecified"]=hex:fd14123400000000000000000000000000000000
	["IPv6 loopback"]=hex:fd14123400000000000000000000000000000001
	["IPv6, an IPv4 address inside"]=hex:fd14123400000000000000000000ffffcb007107
)
answer 7006 -6
for what in "${!wrong[@]}"; do
	insert -last "${wrong[$what]}"
	if ! out=$(ask 4 7006); then
		# 7.2 takes no SYN whose list of options is broken, as it is without us.
		toa_unload
		check_fails "$what: the kernel itself refuses it" ask 4 7006
		toa_load
		continue
	fi
	expect_wire "$what: nothing happens" "::ffff:$client_ip4" "$out"
done
insert "v4:254:127.0.0.1"
expect_toa_delta "such an address is counted" toa_bad_addr 2 ask 4 7006

# Who is believed, which kinds, and where.
insert "$option"
toa_set trusted=198.51.100.0/24,2001:db8:c::/64
expect_wire "from a source that is not trusted" "$client_ip4" "$(ask 4 7004)"
expect_toa_delta "which is counted" toa_untrusted 2 ask 4 7004
insert "$(toa_option 6)"
expect_told "another family's network is trusted" "$told_ip6" "$(ask 6 7006)"
insert "$option"
toa_set trusted="$client_net4"
expect_told "from one that is" "$told_ip4" "$(ask 4 7004)"
toa_set trusted=
expect_wire "nobody is trusted" "$client_ip4" "$(ask 4 7004)"
toa_set trusted=::/0
expect_wire "::/0 is about IPv6" "$client_ip4" "$(ask 4 7004)"
toa_set trusted=0.0.0.0/0
expect_told "0.0.0.0/0 is everybody" "$told_ip4" "$(ask 4 7004)"
expect_eq "and is shown so" 0.0.0.0/0 "$(toa_get trusted)"

toa_set kinds=252
expect_wire "a kind that is not taken" "$client_ip4" "$(ask 4 7004)"
insert "v4:252:$told_ip4"
expect_told "one that is" "$told_ip4" "$(ask 4 7004)"
toa_set kinds=254,253,200
expect_eq "kinds are shown" 254,253,200 "$(toa_get kinds)"
for bad in 8 300 x 254,30; do
	check_fails "no kind: $bad" toa_set kinds=$bad
done
for bad in 10.0.0.0/33 300.0.0.0/8 2001:db8::/129 x 10.0.0.0/24,x; do
	check_fails "no network: $bad" toa_set trusted=$bad
done
expect_eq "what is refused changes nothing" 254,253,200 "$(toa_get kinds)"

insert "$option"
toa_set enable=0
expect_wire "switched off" "$client_ip4" "$(ask 4 7004)"
if by module; then
	expect_eq "elsewhere it is still on" 1 "$(in_ns "$rs2" sysctl -n net.toa.enable)"
fi
toa_set enable=1
expect_told "switched on" "$told_ip4" "$(ask 4 7004)"
poll_until 10 "nothing is left" toa_nothing_left
