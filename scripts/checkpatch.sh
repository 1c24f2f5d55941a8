#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# checkpatch.sh [FILE...]: the kernel's checkpatch --strict over FILE, or over
# all our kernel code. Any remark is a failure.
#
# checkpatch.pl comes from, in this order: $CHECKPATCH, our cache, an installed
# linux-source package, one fetched by apt. No header package has it; only three
# small files of the 150 MB are kept.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${IPVS_FULLNAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ipvs-fullnat}/checkpatch
members=(checkpatch.pl spelling.txt const_structs.checkpatch)

die() {
	echo "checkpatch.sh: $*" >&2
	exit 1
}

# extract: from the .tar.xz of a kernel source on stdin into the cache.
extract() {
	mkdir -p "$cache"
	# tar leaves as soon as it has all of them, so what feeds it may fail.
	tar -xJ -C "$cache" --strip-components=2 --occurrence=1 --wildcards \
		"${members[@]/#/linux-source-*/scripts/}"
	touch -c "$cache/checkpatch.pl"
}

# fetch_source: the newest linux-source that apt knows, without installing it.
fetch_source() {
	local package
	package=$(apt-cache pkgnames linux-source- | grep -E '^linux-source-[0-9.]+$' | sort -V | tail -n 1)
	[ -n "$package" ] || die "apt knows no linux-source package; say CHECKPATCH=/path/to/checkpatch.pl"
	echo "fetching $package for checkpatch.pl" >&2
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	(cd "$tmp" && apt-get -o APT::Sandbox::User= download -qq "$package") ||
		die "cannot fetch $package"
	dpkg-deb --fsys-tarfile "$tmp"/*.deb 2>"$tmp/log" |
		tar -xO "./usr/src/$package.tar.xz" 2>>"$tmp/log" | extract
	[ -e "$cache/checkpatch.pl" ] || cat "$tmp/log" >&2
}

fill_cache() {
	local tarball
	# From another run, while this one waited for the lock.
	[ ! -e "$cache/checkpatch.pl" ] || return 0
	tarball=$(find /usr/src -maxdepth 1 -name 'linux-source-*.tar.xz' | sort -V | tail -n 1)
	if [ -n "$tarball" ]; then
		extract <"$tarball"
	else
		fetch_source
	fi
}

find_checkpatch() {
	if [ -n "${CHECKPATCH:-}" ]; then
		[ -r "$CHECKPATCH" ] || die "cannot read $CHECKPATCH"
		return
	fi
	CHECKPATCH=$cache/checkpatch.pl
	if [ ! -e "$CHECKPATCH" ]; then
		mkdir -p "${cache%/*}"
		(
			flock 9
			fill_cache
		) 9>"$cache.lock"
	fi
	[ -e "$CHECKPATCH" ] || die "found no checkpatch.pl in the kernel source"
}

find_checkpatch
if [ $# -eq 0 ]; then
	mapfile -t files < <(find "$top/kernel" -name '*.[ch]' ! -name '*.mod.c' | sort)
	set -- "${files[@]}"
fi
perl "$CHECKPATCH" --strict --no-tree --no-summary --terse --show-types --file "$@" ||
	die "see above"
echo "checkpatch: $# files, no remark"
