# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# once: newest
# timeout: 200
# toa-bpf where something is missing or in the way: capabilities, file systems,
# a hook that another program holds, the module; and containers, in cgroups and
# namespaces of their own, that come and go.

rmmod toa
toa_is bpf
cgroups=/sys/fs/cgroup

# refused DESCRIPTION REGEX COMMAND...: it fails, says so in one line, and leaves
# nothing behind.
refused() {
	local description=$1 regex=$2 out status=0
	shift 2
	out=$("$@" 2>&1) || status=$?
	expect_match "$description: it says so" "^toa-bpf: .*$regex" "$out"
	expect_eq "$description: in one line, it fails, and nothing is there" "1 failed none" \
		"$(wc -l <<<"$out") $([ $status -eq 0 ] || echo failed) $([ -e /sys/fs/bpf/toa ] || echo none)"
}

refused "a user" 'missing capability: CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON ' \
	setpriv --reuid=65534 --regid=65534 --clear-groups toa-bpf load
refused "root without one" 'missing capability: CAP_NET_ADMIN ' setpriv --bounding-set=-net_admin toa-bpf load
refused "root without two" 'missing capability: CAP_BPF, CAP_PERFMON ' \
	setpriv --bounding-set=-sys_admin,-bpf,-perfmon toa-bpf load
refused "root of a user namespace" 'the kernel refuses BPF programs' unshare --user --map-root-user toa-bpf load
refused "no cgroup2" 'cgroup2 is not mounted' unshare --mount sh -c "umount $cgroups; toa-bpf load"
refused "no BPF file system" 'no BPF file system on /sys/fs/bpf' unshare --mount sh -c 'umount /sys/fs/bpf; toa-bpf load'
refused "not a cgroup" '/tmp is no folder of cgroup2' toa-bpf load --cgroup /tmp
refused "a kind of TCP's own" 'option kind 30 is one of TCP' toa-bpf load --kinds 30
start_hold() {
	start_here hold labnet holdhook "$1"
	wait_log hold '^READY'
}
start_hold "$cgroups"
refused "a hook that is taken" 'hook getpeername4 of /sys/fs/cgroup is held by program somebody \(id [0-9]+\)' toa-bpf load
stop hold
check "root with no more than that loads" \
	setpriv --bounding-set=-all,+bpf,+net_admin,+perfmon,+sys_resource toa-bpf load
check "and unloads" setpriv --bounding-set=-all,+bpf,+net_admin,+perfmon,+sys_resource toa-bpf unload
status=0
toa-bpf status >/dev/null 2>&1 || status=$?
expect_eq "status: not loaded" 3 $status

# Containers: a cgroup, a cgroup namespace and a network namespace of their own.
setup_insert
insert "$(toa_option 4)"

# contain CGROUP PORT: a server on rs1 in there.
contain() {
	mkdir -p "$cgroups/$1"
	# shellcheck disable=SC2016  # for the inner shell
	start_here "answer-$2" sh -c 'echo $$ >"$1/cgroup.procs"; exec nsenter --net="$2" unshare --cgroup labnet sockserve -port "$3"' \
		contain "$cgroups/$1" "/run/netns/$rs1" "$2"
	wait_log "answer-$2" '^READY'
}
# A container of which another program has the hook to itself is served all the same.
mkdir -p "$cgroups/held"
start_hold "$cgroups/held"
check "loaded for all" toa_load
contain pod/a 7020
contain held 7021
expect_told "in a container" "$told_ip4" "$(ask 4 7020)"
expect_told "in one with a program at the hook" "$told_ip4" "$(ask 4 7021)"
stop answer-7021 || true
stop hold
rmdir "$cgroups/held"

# Drained, and what the namespaces' lists have.
serve "$rs1" rs1
start_in "$client" keep labnet keep -n 2 -interval 100ms -timeout 30s "$(rs 1 4 80)"
test_live() { [ "$(toa_live)" -eq "$1" ]; }
poll_until 10 "two connections are known" test_live 2
toa_set enable=2
expect_wire "drained: nobody new is learned" "$client_ip4" "$(ask 4 7020)"
expect_eq "and nobody forgotten" 2 "$(toa_live)"
expect_eq "the list has them in their namespace" 2 "$(nsenter --net="/run/netns/$rs1" toa-bpf list -H --here | wc -l)"
expect_eq "and in no other" 0 "$(toa-bpf list -H --here | wc -l)"
expect_kept "connections go on" keep
toa_unload

# For one cgroup only, which then goes.
contain pod/b 7022
answer 7004
check "loaded for one cgroup" toa-bpf load --cgroup "$cgroups/pod"
expect_eq "status has it" "$cgroups/pod" "$(toa_get cgroup)"
expect_told "a server in a cgroup below it" "$told_ip4" "$(ask 4 7022)"
expect_wire "one outside of it" "$client_ip4" "$(ask 4 7004)"
stop answer-7020 || true
stop answer-7022 || true
rmdir_pod() { rmdir "$cgroups/pod/a" "$cgroups/pod/b" "$cgroups/pod" 2>/dev/null || [ ! -e "$cgroups/pod" ]; }
poll_until 10 "the cgroup goes" rmdir_pod
is_detached() { toa-bpf status 2>/dev/null | grep -q 'sockops (detached)'; }
poll_until 10 "status says that the hooks are gone" is_detached
check_fails "and that it is not well" toa-bpf status
expect_eq "as does a counter" 1 "$(toa_counter getname_unhooked)"
check "unloaded all the same" toa_unload

# The module beside: both say the same, and either may go.
modprobe toa
refused "with the module" 'the module toa is loaded' toa-bpf load
check "unless it is wanted so" toa-bpf load --beside-module
expect_match "status says so" '^module toa: +yes$' "$(toa-bpf status)"
expect_told "with both" "$told_ip4" "$(ask 4 7004)"
start_in "$client" load labnet sockask -for 1h -parallel 4 "$rs1_ip4:7004"
for _ in 1 2; do
	rmmod toa
	expect_told "with toa-bpf alone" "$told_ip4" "$(ask 4 7004)"
	modprobe toa
	expect_told "with the module loaded behind it" "$told_ip4" "$(ask 4 7004)"
done
# Those that began without the module have been asked.
peers() { in_ns "$rs1" ss -tnH state established sport = :7004 | awk '{ print $4 }'; }
peers >"$lab_tmp/older"
are_new() { ! peers | grep -qxFf "$lab_tmp/older"; }
wait_until 10 are_new
toa_unload
expect_told "with the module alone" "$told_ip4" "$(ask 4 7004)"
stop load || true
report=$(cat "$lab_tmp/load.log")
echo "# $report"
asked=$(ask_field asked "$report")
expect_within "many were asked ($asked)" 5 1000000 "$asked"
expect_eq "all the time everybody had its client" "$asked" "$(ask_field told "$report")"
