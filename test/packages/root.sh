#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# root.sh NAME: a Debian for a kernel of kernels.txt, in the cache, and prints
# where: the release that the kernel comes from, with systemd, DKMS, that kernel
# and its headers, as debootstrap and apt install them. Nothing of ours is in it.
# What the machine that is tested wants to install later lies in
# /var/cache/apt/archives, so it needs no network.
# root.sh -b NAME DIR: in DIR what debootstrap makes of that release, brought up to
# date, with apt as Debian has it, and nothing else.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../vm/common.sh"
# shellcheck source=test/vm/apt.sh
. "$vm_dir/apt.sh"
# shellcheck source=test/packages/chroot.sh
. "$top_dir/test/packages/chroot.sh"

# Part of the cache key: raise it when what fill() does changes.
root_version=1

bare=
if [ "${1:-}" = -b ]; then
	bare=${3:?"root.sh -b wants a folder"}
	shift
fi
[ $# -ge 1 ] || die "usage: root.sh [-b] NAME [DIR]"
load_kernel "$1"
suite=${k_suites##*,}
roots=$cache_dir/roots
current=$roots/$k_name.current
# keepalived and stock's ipvsadm are what ours has to get on with.
packages=(dkms initramfs-tools systemd-sysv udev dbus kmod iproute2 procps curl ca-certificates)
later=(ipvsadm keepalived)

# siblings COLUMN: of the kernels which a machine can be updated to; these are the
# others of this release, and for that of a point release the newest of its series.
siblings() {
	kernel_rows | awk -v suites="$k_suites" -v own="$k_name" -v column="$1" '$7 == "debug" || $7 == "old" || $7 == "program" { next }
		$1 != own && $2 == suites || own == "old-" $1 { print $column }' | tr ',' '\n'
}

# kernel_packages: the kernel and its headers themselves; some archives do not keep
# the empty packages that name them.
kernel_packages() {
	local package
	for package in ${k_packages//,/ }; do
		our_apt apt-cache show --no-all-versions "$package" | sed -n 's/^Depends: //p' | tr ',' '\n' |
			sed 's/[[:space:]]*(.*//; s/^[[:space:]]*//' | grep -E '^linux-(image|headers)-[0-9]'
	done
}

# base DIR: what debootstrap makes of the release.
base() {
	local script=$suite
	# An older debootstrap does not know the names of newer releases.
	[ -e "/usr/share/debootstrap/scripts/$script" ] || script=sid
	debootstrap --variant=minbase "$suite" "$1" "$(mirror_uri "$suite")" \
		"/usr/share/debootstrap/scripts/$script"
}

# sources SUITE...
sources() {
	local one
	for one; do
		echo "deb $(mirror_uri "$one") $one main"
	done
}

# fill_bare DIR: the release, brought up to date.
fill_bare() {
	base "$1" || return 1
	# shellcheck disable=SC2086  # suites
	sources ${k_suites//,/ } >"$1/etc/apt/sources.list"
	echo 'Acquire::Check-Valid-Until "false";' >"$1/etc/apt/apt.conf.d/50lab"
	cp /etc/resolv.conf "$1/etc/resolv.conf"
	in_root "$1" sh -eu -c 'apt-get update -qq && apt-get dist-upgrade -qq -y'
}

# fill DIR: the same, with the kernel.
fill() {
	local dir=$1
	fill_bare "$dir" || return 1
	echo 'APT::Install-Recommends "false";' >>"$dir/etc/apt/apt.conf.d/50lab"
	printf '#!/bin/sh\nexit 101\n' >"$dir/usr/sbin/policy-rc.d"
	chmod 755 "$dir/usr/sbin/policy-rc.d"
	mapfile -t updates < <(siblings 3)
	mapfile -t suites < <(siblings 2)
	mapfile -t kernel < <(kernel_packages)
	in_root "$dir" sh -eu -c '
		apt-get install -qq -y "$@"
		rm -f /var/cache/apt/archives/*.deb
	' fill "${packages[@]}" "${kernel[@]}" || return 1
	[ ${#suites[@]} -eq 0 ] || sources "${suites[@]}" >"$dir/etc/apt/sources.list"
	in_root "$dir" sh -eu -c '
		apt-get update -qq
		apt-get install -qq -y --download-only "$@"
	' later "${later[@]}" ${updates[@]+"${updates[@]}"} || return 1
	rm -f "$dir/usr/sbin/policy-rc.d" "$dir/etc/resolv.conf"
	echo director >"$dir/etc/hostname"
	in_root "$dir" passwd -q -d root
}

get_root() {
	local dir key
	if [ -e "$current/complete" ] && index_is_fresh &&
		[ -z "$(find "$vm_dir/kernels.txt" -newer "$apt_dir/roots-$k_name.stamp" 2>/dev/null)" ]; then
		return 0
	fi
	with_lock "$apt_dir/.lock" apt_index
	key=$({
		echo "$root_version $k_packages ${packages[*]} ${later[*]} $(siblings 3 | xargs)"
		APT_CONFIG=$apt_dir/apt.conf apt-cache dumpavail | grep -E '^(Package: (linux-(image|headers)|dkms|systemd$)|Version:)' |
			grep -A 1 '^Package'
	} | sha256sum | cut -c1-16)
	dir=$roots/$k_name-$key
	if [ ! -e "$dir/complete" ]; then
		echo "root.sh: building a root of $suite for kernel $k_name; it is kept" >&2
		rm -rf "$dir"
		fill "$dir" >"$roots/$k_name.log" 2>&1 || {
			tail -n 30 "$roots/$k_name.log" >&2
			die "cannot build the root of $suite"
		}
		touch "$dir/complete"
	fi
	touch "$apt_dir/roots-$k_name.stamp"
	ln -sfn "$dir" "$current"
	find "$roots" -maxdepth 1 -type d -name "$k_name-*" ! -path "$dir" -exec rm -rf {} +
}

"$top_dir/scripts/install-deps.sh" debootstrap >&2
apt_for "$k_suites"
if [ -n "$bare" ]; then
	fill_bare "$bare" >"$bare.log" 2>&1 || {
		tail -n 30 "$bare.log" >&2
		die "cannot build a bare root of $suite"
	}
	exit 0
fi
mkdir -p "$roots" "$apt_dir"
with_lock "$roots/$k_name.lock" get_root >&2
readlink -f "$current"
