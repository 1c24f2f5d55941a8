# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# edge: yes
# timeout: 300
# Where the option may come (SYN, ACK, first data; with SYN cookies, deferred
# accept, Fast Open, MPTCP), which one counts, and that a wrong one does nothing.

setup_insert
set_sysctl "$rs1" net.ipv4.tcp_fastopen=0x603
set_sysctl "$client" net.ipv4.tcp_fastopen=5
for family in 4 6; do
	option=$(toa_option $family) told=$(addr told_ip $family) wire=$(addr client_ip $family) v6=-6
	[ $family = 6 ] || v6=
	# shellcheck disable=SC2086 # an option or none
	answer 700$family $v6
	for stage in syn ack; do
		insert -on $stage "$option"
		expect_told "IPv$family: on the $stage" "$told" "$(ask $family 700$family)"
	done
	poll_until 10 "IPv$family: nothing is kept of SYNs" toa_nothing_left

	# shellcheck disable=SC2086
	answer 702$family -defer 5 $v6
	for stage in syn data; do
		insert -on $stage "$option"
		expect_told "IPv$family: TCP_DEFER_ACCEPT, on the $stage" "$told" "$(ask $family 702$family)"
	done

	set_sysctl "$rs1" net.ipv4.tcp_syncookies=2
	insert -on ack,data "$option"
	expect_told "IPv$family: SYN cookies, on the ACK" "$told" "$(ask $family 700$family)"
	insert -on syn "$option"
	expect_wire "IPv$family: SYN cookies, on the SYN only: the wire's" "$wire" "$(ask $family 700$family)"
	set_sysctl "$rs1" net.ipv4.tcp_syncookies=1

	# shellcheck disable=SC2086
	answer 703$family -fastopen $v6
	before=$(tcp_stat "$rs1" TCPFastOpenPassive)
	expect_told "IPv$family: Fast Open, on the SYN" "$told" "$(ask $family 703$family -tfo)"
	expect_eq "IPv$family: it was Fast Open" 1 "$(($(tcp_stat "$rs1" TCPFastOpenPassive) - before))"
done
option=$(toa_option 4)

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
insert -on syn "$option"
insert -also -on ack,data "v4:254:$other_ip4"
expect_told "the SYN's, and not another one on the ACK" "$told_ip4" "$(ask 4 7004)"
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
toa_set enable=1
expect_told "switched on" "$told_ip4" "$(ask 4 7004)"
poll_until 10 "nothing is left" toa_nothing_left

# Each namespace has its own.
if by module; then
	# ask_both: sets what a server in rs1 and one in rs2 say.
	ask_both() {
		here=$(ask 4 7004)
		there=$(in_ns "$client" labnet sockask "$(rs 2 4 7004)")
	}
	set_routes "$rs2" 10.0.2.1 2001:db8:2::1 "$client_net4" "$client_net6"
	start_in "$rs2" answer-rs2 labnet sockserve -port 7004
	wait_log answer-rs2 '^READY'
	toa_set enable=0
	ask_both
	expect_wire "off in one namespace" "$client_ip4" "$here"
	expect_told "it is on in another one" "$told_ip4" "$there"
	toa_set enable=1 trusted=198.51.100.0/24
	ask_both
	expect_wire "a director that is not trusted in one" "$client_ip4" "$here"
	expect_told "is trusted in another one" "$told_ip4" "$there"
	toa_set trusted=0.0.0.0/0
	set_sysctl "$rs2" net.toa.kinds=252
	ask_both
	expect_told "a kind that is taken in one" "$told_ip4" "$here"
	expect_wire "is not taken in another one" "$client_ip4" "$there"
	insert "v4:252:$told_ip4"
	ask_both
	expect_wire "and the other way round" "$client_ip4" "$here"
	expect_told "with another kind" "$told_ip4" "$there"
	insert "$option"
	start_in "$client" keep labnet conns -n 1 -hold 600s "$(rs 1 4 7004)"
	wait_log keep '"opened":1'
	expect_match "a connection is in the list of its namespace" "^$(regex "$rs1_ip4:7004 $client_ip4:")" "$(toa_conns)"
	expect_no_match "and not in another one's" "$(regex "$rs1_ip4")" "$(in_ns "$rs2" cat /proc/net/toa_conn)"
	stop keep || true
	poll_until 10 "nothing is left" toa_nothing_left
fi
