# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Running things in a root, as if it were the machine. Sourced.

# in_root DIR COMMAND...: with /proc, /sys, /dev and nothing else of this machine;
# the mounts go with the command.
in_root() {
	local root=$1
	shift
	unshare --mount --propagation private bash -eu -c '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount --rbind /sys "$root/sys"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
	' in_root "$root" "$@"
}
