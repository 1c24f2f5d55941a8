# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# edge: yes
# timeout: 300
# kmsg-allow: toa:
# What the module hooks with can be switched off: it says so, at loading and later.

# kmsg_mark: kmsg_new has what the kernel says from here on.
kmsg_mark() {
	mark="lab: mark $((++marks)) of scene 204"
	echo "$mark" >/dev/kmsg
}

kmsg_new() {
	dmesg | awk -v mark="$mark" 'seen; index($0, mark) { seen = 1 }'
}

marks=0
rmmod toa
setup_insert
insert "$(toa_option 4)"
answer 7004

if [ -e /proc/sys/kernel/ftrace_enabled ]; then
	sysctl -qw kernel.ftrace_enabled=0
	kmsg_mark
	check_fails "not loaded without ftrace" modprobe toa
	expect_match "and the log says why" 'toa: .*ftrace_enabled' "$(kmsg_new)"
	sysctl -qw kernel.ftrace_enabled=1
fi
kprobes=/sys/kernel/debug/kprobes/enabled
echo 0 >$kprobes
kmsg_mark
check_fails "not loaded without kprobes" modprobe toa
expect_match "and the log says why" 'toa: .*kprobes/enabled' "$(kmsg_new)"
echo 1 >$kprobes

check_fails "not loaded with a malformed list" modprobe toa trusted=x
modprobe toa trusted="$client_net4" kinds=254
expect_told "loaded with parameters" "$told_ip4" "$(ask 4 7004)"
expect_eq "which are the settings" "$client_net4 254" \
	"$(in_ns "$rs1" sysctl -n net.toa.trusted net.toa.kinds | xargs)"
if [ -e /proc/sys/kernel/ftrace_enabled ]; then
	check_fails "ftrace cannot be switched off meanwhile" sysctl -qw kernel.ftrace_enabled=0
fi
kmsg_mark
echo 0 >$kprobes
expect_eq "kprobes can, which a counter shows" 1 "$(toa_counter getname_unhooked)"
expect_wire "programs see the wire then" "$client_ip4" "$(ask 4 7004)"
expect_match "and the log says so" 'toa: .*kprobes/enabled' "$(kmsg_new)"
echo 1 >$kprobes
expect_eq "and can be switched on again" 0 "$(toa_counter getname_unhooked)"
expect_told "then all is well" "$told_ip4" "$(ask 4 7004)"

rmmod toa
modprobe toa syn=0
insert -on syn "$(toa_option 4)"
expect_wire "without the hooks for SYNs, an option that is there only is not seen" "$client_ip4" "$(ask 4 7004)"
insert "$(toa_option 4)"
expect_told "one that comes again is" "$told_ip4" "$(ask 4 7004)"
expect_eq "and nothing was kept of a SYN" 0 "$(toa_counter toa_syn_kept)"
