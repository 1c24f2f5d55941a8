# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
# qemu: -accel tcg,thread=single -smp 2
# qemu-7.2: -accel tcg,thread=single -smp 2 -cpu max
# once: newest
# edge: yes
# timeout: 200
# toa-bpf: programs see the client as with the module, without one; loaded and
# unloaded while connections are open. The long scenes of this number and up are
# those of the module with toa-bpf in its place ("make test-bpf").
# 7.2 gives sockets no storage without cmpxchg16b.

toa_is bpf
setup_insert
insert "$(toa_option 4)"
# One that listens before toa-bpf is there, to keep SYNs, too.
answer 7004
answer 7006 -6
expect_wire "not loaded: the wire's" "$client_ip4" "$(ask 4 7004)"
check_fails "nothing to unload" toa-bpf unload

check "loaded" toa_load trusted="$client_net4,$client_net6"
expect_match "status says so" '^loaded: +yes$' "$(toa-bpf status)"
expect_eq "with the settings" "254,253,200 $client_net4,$client_net6" "$(toa_get kinds) $(toa_get trusted)"
check_fails "not twice" toa_load
for stage in syn ack; do
	insert -on $stage "$(toa_option 4)"
	expect_told "IPv4, option on the $stage" "$told_ip4" "$(ask 4 7004)"
	expect_told "v4-mapped, option on the $stage" "::ffff:$told_ip4" "$(ask 4 7006)"
	insert -on $stage "$(toa_option 6)"
	expect_told "IPv6, option on the $stage" "$told_ip6" "$(ask 6 7006)"
done
out=$(ask 4 7004)
expect_wire "NAT64: an IPv4 socket keeps its peer" "$client_ip4" "$out"
expect_match "NAT64: the socket option has the client" " nat64=$(regex "[$told_ip6]:")" "$out"

insert "$(toa_option 4)"
set_sysctl "$rs1" net.ipv4.tcp_syncookies=2
expect_told "SYN cookies" "$told_ip4" "$(ask 4 7004)"
set_sysctl "$rs1" net.ipv4.tcp_syncookies=1
answer 7010 -defer 5
insert -on data "$(toa_option 4)"
expect_told "TCP_DEFER_ACCEPT, on the data" "$told_ip4" "$(ask 4 7010)"
set_sysctl "$rs1" net.ipv4.tcp_fastopen=0x603
set_sysctl "$client" net.ipv4.tcp_fastopen=5
answer 7011 -fastopen
insert -on syn "$(toa_option 4)"
expect_told "Fast Open, on the SYN" "$told_ip4" "$(ask 4 7011 -tfo)"
insert "$(toa_option 4)"
if has mptcp; then
	set_sysctl "$rs1" net.mptcp.enabled=1
	set_sysctl "$client" net.mptcp.enabled=1
	answer 7012 -mptcp
	expect_told "MPTCP" "$told_ip4" "$(ask 4 7012 -mptcp)"
	check_subflows
	insert "$(toa_option 4)"
fi
answer 7001 -reuse "$rs1_ip4:7004"
expect_told "a socket" "$told_ip4" "$(ask 4 7001)"
wait_log answer-7001 '^reused='
expect_eq "that is connected elsewhere has that peer" "reused=$rs1_ip4:7004" "$(grep ^reused= "$lab_tmp/answer-7001.log")"

toa_set trusted=198.51.100.0/24
expect_toa_delta "a source that is not trusted is counted" toa_untrusted 2 ask 4 7004
toa_set trusted=0.0.0.0/0,::/0 kinds=252
expect_wire "a kind that is not taken" "$client_ip4" "$(ask 4 7004)"
toa_set kinds=254,253,200

# Unload and load with connections and traffic.
serve "$rs1" rs1
start_in "$client" keep labnet keep -n 3 -interval 100ms -timeout 30s "$(rs 1 4 80)"
test_live() { [ "$(toa_live)" -ge "$1" ]; }
poll_until 10 "connections are listed" test_live 3
expect_match "toa-ss shows them" "$(regex "$told_ip4"):" "$(nsenter --net="/run/netns/$rs1" toa-ss)"
start_in "$client" load labnet sockask -for 1h -parallel 4 "$rs1_ip4:7004"
test_told() { [ "$(toa_counter syn_recv_sock_toa)" -ge 1 ]; }
toa_unload
toa_load
wait_until 20 test_told
stop load || true
report=$(cat "$lab_tmp/load.log")
echo "# $report"
expect_eq "loaded under traffic: no connection failed" 0 "$(ask_field failed "$report")"
expect_eq "none has another's client" 0 "$(ask_field wrong "$report")"
expect_kept "connections from before go on" keep
poll_until 10 "nothing is left" toa_nothing_left
check "unloaded" toa_unload
check_fails "nothing is left of it" test -e /sys/fs/bpf/toa
expect_wire "then it is the wire's" "$client_ip4" "$(ask 4 7004)"
