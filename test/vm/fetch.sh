#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fetch.sh NAME: makes a kernel of kernels.txt available in the cache and prints
# where its parts are, as shell variables:
#   KERNEL_RELEASE  what uname -r will say     KERNEL_IMAGE  bzImage
#   KERNEL_MODULES  lib/modules/RELEASE        KERNEL_KDIR   KDIR for make -C kernel
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=test/vm/apt.sh
. "$vm_dir/apt.sh"

# Part of the cache key: raise it when what unpack() does changes.
unpack_version=1

[ $# -eq 1 ] || die "usage: fetch.sh NAME"
load_kernel "$1"
export k_compiler
apt_for "$k_suites"
current=$cache_dir/kernels/$k_name.current
# What a kernel is made with, beyond its packages.
recipe=()
case $k_packages in
linux-source-*) recipe=("$vm_dir/$k_name.config" "$vm_dir/build-own.sh") ;;
esac

# show PACKAGE: the record of its newest version.
show() {
	our_apt apt-cache show --no-all-versions "$1" 2>/dev/null
}

# resolve: every package that belongs to the kernel, one "name version sha256"
# per line, by walking the dependencies of the metapackages.
resolve() {
	local -a todo
	local -A seen=()
	local pkg dep record
	IFS=, read -r -a todo <<<"$k_packages"
	while [ ${#todo[@]} -gt 0 ]; do
		pkg=${todo[0]}
		todo=("${todo[@]:1}")
		[ -z "${seen[$pkg]:-}" ] || continue
		seen[$pkg]=1
		record=$(show "$pkg")
		[ -n "$record" ] || continue
		awk -F ': ' -v p="$pkg" '$1 == "Version" { v = $2 } $1 == "SHA256" { s = $2 }
			END { print p, v, s }' <<<"$record"
		# Alternatives (a | b): the first one is what Debian means.
		while read -r dep; do
			if [[ $dep =~ ^($k_follow)$ ]]; then todo+=("$dep"); fi
		done < <(sed -n 's/^\(Pre-\)\?Depends: //p' <<<"$record" | tr ',' '\n' |
			sed 's/|.*//; s/(.*//; s/:any//; s/[[:space:]]//g')
	done | sort
}

# download LIST DIR: the packages of a resolved list, by apt into DIR. The
# metapackages are empty, and some archives do not keep them.
download() {
	local -a specs
	local pkg version
	while read -r pkg version _; do
		if [ "$k_follow" = - ] || [[ $pkg =~ ^($k_follow)$ ]]; then
			specs+=("$pkg=$version")
		fi
	done <"$1"
	echo "fetching kernel $k_name: ${specs[*]}" >&2
	(cd "$2" && our_apt apt-get download -q "${specs[@]}" >"$apt_dir/download.$k_name.log" 2>&1)
}

# unpack LIST DIR: downloads and unpacks the packages into DIR, and makes them
# usable there; source is built.
unpack() {
	local list=$1 dir=$2 debs deb
	debs=$(mktemp -d "$cache_dir/debs.XXXXXX")
	if ! download "$list" "$debs"; then
		# The archive has moved on since the index was taken.
		rm -rf "$debs"
		return 1
	fi
	mkdir -p "$dir"
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$dir" || return 1
	done
	rm -rf "$debs"
	case $k_packages in
	linux-source-*) "$vm_dir/build-own.sh" "$k_name" "$dir" || die "cannot build kernel $k_name" ;;
	*) relocate "$dir" ;;
	esac
	depmod -b "$dir" "$(find_release "$dir")"
}

# relocate DIR: headers expect to be in /usr/src.
relocate() {
	local dir=$1 makefile
	for makefile in "$dir"/usr/src/linux-headers-*/Makefile; do
		sed -i -E "s#^(include |KBUILD_OUTPUT=)/usr/src/#\1$dir/usr/src/#" "$makefile"
	done
	# From 7.2 on, modules live below usr/lib.
	if [ ! -d "$dir/lib/modules" ]; then
		mkdir -p "$dir/lib"
		ln -s ../usr/lib/modules "$dir/lib/modules"
	fi
}

# find_release DIR: the release of the kernel that was unpacked there. Only the
# tree that has modules counts, headers alone leave an empty one.
find_release() {
	local rel
	for rel in "$1"/lib/modules/*; do
		if [ -d "$rel/kernel" ]; then
			basename "$rel"
			return
		fi
	done
	die "no modules in $1"
}

print_variables() {
	local dir=$1 rel image candidate
	rel=$(find_release "$dir")
	for candidate in "$dir/boot/vmlinuz-$rel" "$dir/lib/modules/$rel/vmlinuz"; do
		if [ -e "$candidate" ]; then image=$candidate; fi
	done
	[ -n "${image:-}" ] || die "no kernel image in $dir"
	printf 'KERNEL_RELEASE=%q\nKERNEL_IMAGE=%q\nKERNEL_MODULES=%q\nKERNEL_KDIR=%q\n' \
		"$rel" "$image" "$dir/lib/modules/$rel" "$dir/usr/src/linux-headers-$rel"
}

# make_list FILE: the packages of the kernel as the index has them now.
make_list() {
	apt_index
	resolve >"$1"
}

# fill_cache: brings the cache up to date and points $current at the kernel. The
# list gets its name last: one who was interrupted begins anew.
fill_cache() {
	local list key dir
	list=$apt_dir/$k_name.list.new
	with_lock "$apt_dir/.lock" make_list "$list" || return 1
	[ -s "$list" ] || die "the archive has none of $k_packages"
	key=$(cat "$list" <(echo "$unpack_version") "${recipe[@]}" | sha256sum | cut -c1-16)
	dir=$cache_dir/kernels/$k_name-$key
	if [ ! -e "$dir/complete" ]; then
		rm -rf "$dir"
		if ! unpack "$list" "$dir"; then
			rm -rf "$dir"
			return 1
		fi
		touch "$dir/complete"
	fi
	ln -sfn "$dir" "$current"
	mv "$list" "${list%.new}"
}

# is_current: nothing to ask anybody, and no need to wait for one who builds.
is_current() {
	[ -e "$current/complete" ] && [ -e "$apt_dir/$k_name.list" ] && index_is_fresh &&
		[ -z "$(find "$vm_dir/kernels.txt" "${recipe[@]}" -newer "$apt_dir/$k_name.list")" ]
}

get_kernel() {
	if is_current; then return 0; fi
	if fill_cache; then return 0; fi
	# Too old, by its date, to do without asking again.
	touch -d @0 "$apt_dir/stamp"
	if fill_cache; then return 0; fi
	[ -e "$current/complete" ] || {
		cat "$apt_dir/download.$k_name.log" >&2
		die "cannot fetch kernel $k_name"
	}
	echo "fetch.sh: cannot fetch the newest $k_name, going on with the one in the cache" >&2
}

is_current || with_lock "$cache_dir/kernels/$k_name.lock" get_kernel >&2
print_variables "$(readlink -f "$current")"
