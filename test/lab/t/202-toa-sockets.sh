# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# edge: yes
# timeout: 300
# Sockets that something is done to go on working and keep their client: TLS in
# the kernel, a sockmap, splice(), a descriptor that is passed on. io_uring's accept
# and SO_PEERNAME give the client. Many connections on two CPUs each get their own,
# and none is lost. And a crowd of threads that wait for one socket takes no other
# user's answers away.

# The share of a user of the questions that are under way (getname.c).
share=256

# crowd_begin NAME COMMAND...: so many and 40 threads wait for the lock of a socket.
crowd_begin() {
	local name=$1
	shift
	rm -f "$lab_tmp/$name.free"
	start_in "$rs1" "$name" "$@" -n $((share + 40)) -until "$lab_tmp/$name.free"
	wait_log "$name" '^READY'
	start_in "$client" "$name-client" labnet conns -n 1 -hold 600s "$rs1_ip4:$crowd_port"
	wait_log "$name" '^WAITING' 60
}

# crowd_end NAME: they get their answers; sets told, how many have the client.
crowd_end() {
	touch "$lab_tmp/$1.free"
	finish "$1" || true
	stop "$1-client" || true
	told=$(ask_field told "$(cat "$lab_tmp/$1.log")")
}

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

# In 5.10 getpeername() does not wait for the lock.
if by module && has userfaultfd && has getname-waits; then
	crowd_port=7006
	for round in first second; do
		before=$(toa_counter getname_too_many)
		crowd_begin crowd labnet crowd -port $crowd_port -uid 4711
		expect_eq "the $round crowd: who asks beyond the share of a user is counted" 40 \
			"$(($(toa_counter getname_too_many) - before))"
		expect_told "and another user is told the client" "$told_ip4" "$(ask 4 7004)"
		crowd_end crowd
		expect_eq "of the crowd are told, when the socket is free" $share "$told"
	done
	# Who is in a user namespace of his own shares with all that are.
	sysctl -qw vm.unprivileged_userfaultfd=1
	crowd_begin crowd labnet crowd -port $crowd_port -uid 4711
	crowd_port=7007
	before=$(toa_counter getname_too_many)
	crowd_begin elsewhere unshare --user --map-root-user labnet crowd -port $crowd_port
	expect_eq "a user namespace has a share of its own" 40 "$(($(toa_counter getname_too_many) - before))"
	start_in "$rs1" answer-7008 unshare --user --map-root-user labnet sockserve -port 7008
	wait_log answer-7008 '^READY'
	expect_wire "with all others that there are" "$client_ip4" "$(ask 4 7008)"
	expect_told "and another user is told the client" "$told_ip4" "$(ask 4 7004)"
	crowd_end elsewhere
	expect_eq "of the crowd there are told" $share "$told"
	crowd_end crowd
	expect_eq "and of the other" $share "$told"
	expect_told "then user namespaces are told, too" "$told_ip4" "$(ask 4 7008)"
	expect_eq "no question was missed" 0 "$(toa_counter getname_missed)"
fi
poll_until 10 "nothing is left" toa_nothing_left
