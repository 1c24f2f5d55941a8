# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# edge: yes
# timeout: 300
# Sockets that something is done to go on working and keep their client: TLS in
# the kernel, a sockmap, splice(), a descriptor that is passed on. io_uring's accept
# and SO_PEERNAME give the client. Many connections on two CPUs each get their own,
# and none is lost.

setup_insert
insert "$(toa_option 4)"
answer 7004 -splice -pass
expect_told "splice() and a passed descriptor" "$told_ip4" "$(ask 4 7004)"
answer 7001 -sockmap
expect_told "in a sockmap" "$told_ip4" "$(ask 4 7001)"
answer 7003 -reuse "$rs1_ip4:7004"
expect_told "a socket" "$told_ip4" "$(ask 4 7003)"
wait_log answer-7003 '^reused='
expect_eq "that is disconnected and connected elsewhere has that peer" "reused=$rs1_ip4:7004" \
	"$(grep ^reused= "$lab_tmp/answer-7003.log")"
for family in 4 6; do
	port=701$family v6=-6
	[ $family = 6 ] || v6=
	# shellcheck disable=SC2086 # an option or none
	answer $port -uring $v6
	# shellcheck disable=SC2086
	answer $((port + 10)) -peername $v6
	insert "$(toa_option $family)"
	expect_told "IPv$family: accepted by io_uring" "$(addr told_ip $family)" "$(ask $family $port)"
	expect_told "IPv$family: asked by SO_PEERNAME" "$(addr told_ip $family)" "$(ask $family $((port + 10)))"
	insert_off
	expect_wire "IPv$family: accepted by io_uring, no option" "$(addr client_ip $family)" "$(ask $family $port)"
	expect_wire "IPv$family: asked by SO_PEERNAME, no option" "$(addr client_ip $family)" "$(ask $family $((port + 10)))"
done
insert "$(toa_option 4)"
if has ktls; then
	modprobe tls
	answer 7002 -tls -6
	expect_told "TLS in the kernel" "::ffff:$told_ip4" "$(ask 4 7002 -tls)"
	insert "$(toa_option 6)"
	expect_told "TLS in the kernel, IPv6" "$told_ip6" "$(ask 6 7002 -tls)"
fi

# Packets go from CPU to CPU, so that softirqs interrupt everything.
insert "$(toa_option 4)"
answer 7005
spread_over_cpus "$rs1" eth0
report=$(in_ns "$client" labnet sockask -for 6s -n 50 -parallel 8 "$rs1_ip4:7005")
asked=$(ask_field asked "$report")
expect_within "many connections ($asked)" 50 1000000 "$asked"
expect_eq "every one has its client" "$asked" "$(ask_field told "$report")"
expect_eq "and none failed" 0 "$(ask_field failed "$report")"
if by module; then
	expect_eq "no question was missed" 0 "$(toa_counter getname_missed)"
fi
poll_until 10 "nothing is left" toa_nothing_left
