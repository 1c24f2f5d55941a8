# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Loading and unloading what is under test, and the checks that nothing of a
# scene is left behind. Sourced by the guest's scripts.

# wait_until SECONDS COMMAND...: polls, for the guest's own housekeeping.
wait_until() {
	local deadline=$((SECONDS + $1 * LAB_SLOW))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.1
	done
}

is_loaded() {
	grep -q "^$1 " /proc/modules
}

# built_modules: the modules of this project that came along.
built_modules() {
	local file
	for file in /lib/modules/"$(uname -r)"/updates/*.ko; do
		[ ! -e "$file" ] || basename "$file" .ko
	done
}

# load_modules WHAT...: "none", "ip_vs" or modules of this project. One that was
# not built is not loaded: the scenes that need it will say so.
load_modules() {
	local mod
	for mod in "$@"; do
		case $mod in
		none) ;;
		ip_vs) modprobe ip_vs ;;
		*)
			if [ -e "/lib/modules/$(uname -r)/updates/$mod.ko" ]; then
				modprobe "$mod" || return 1
			fi
			;;
		esac
	done
}

try_unload() {
	is_loaded "$1" || return 0
	rmmod "$1" 2>/tmp/rmmod.err
}

# unload_modules: ours first, then everything that uses ip_vs, then ip_vs. Each
# must go, and soon: connections that died with their namespace have no claim.
unload_modules() {
	local mod
	for mod in $(built_modules) $(awk '$1 ~ /^ip_vs_/ { print $1 }' /proc/modules) ip_vs; do
		if ! wait_until 10 try_unload "$mod"; then
			echo "module $mod cannot be removed: $(cat /tmp/rmmod.err); $(grep "^$mod " /proc/modules)"
			return 1
		fi
	done
}

no_namespaces_left() {
	unshare --net true 2>/dev/null
}

# namespaces_gone: namespaces die asynchronously, and one that something holds a
# reference to never does, which no list shows. But the kernel accounts for them
# until they are really freed: with a limit of one, a new one can be made only
# when no other is left.
namespaces_gone() {
	local limit status=0
	limit=$(</proc/sys/user/max_net_namespaces)
	echo 1 >/proc/sys/user/max_net_namespaces
	wait_until 20 no_namespaces_left || status=1
	echo "$limit" >/proc/sys/user/max_net_namespaces
	return $status
}
