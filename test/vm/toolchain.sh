#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# toolchain.sh SUITE COMPILER: unpacks what building kernel modules takes from a
# Debian suite into the cache, and prints where. For kernels whose headers want
# a compiler, or a C library, that this machine's own release does not have.
# Nothing is installed: no script of a package runs.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=test/vm/apt.sh
. "$vm_dir/apt.sh"

[ $# -eq 2 ] || die "usage: toolchain.sh SUITE COMPILER"
suite=$1
# base-files has the symbolic links of a merged /usr; the next line is what
# Kbuild calls, and the last what its ready-made programs are linked to.
packages=(
	base-files
	"$2" make bash dash coreutils sed grep mawk findutils diffutils kmod pahole sparse
	libc-bin libelf1t64 libssl3t64 zlib1g
)
apt_for "$suite"
current=$cache_dir/toolchain/$suite-$2.current

# closure: what apt would install into nothing, as 'URI' FILE SIZE HASH lines.
closure() {
	our_apt apt-get install -qq -y --no-install-recommends --print-uris "${packages[@]}"
}

make_list() {
	apt_index
	closure >"$1"
}

unpack() {
	local dir=$1 debs deb
	debs=$(mktemp -d "$cache_dir/toolchain/debs.XXXXXX")
	mkdir -p "$debs/partial"
	echo "fetching $(wc -l <"$list") packages of $suite, for ${packages[1]}" >&2
	our_apt apt-get install -qq -y --no-install-recommends --download-only \
		-o "Dir::Cache::archives=$debs" "${packages[@]}" >"$apt_dir/toolchain.log" 2>&1 || return 1
	mkdir -p "$dir"
	for deb in "$debs"/base-files_*.deb "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$dir" || return 1
	done
	rm -rf "$debs"
	# An alternative, that awk's own installation script would have made.
	ln -sf mawk "$dir/usr/bin/awk"
	touch "$dir/complete"
}

get_toolchain() {
	local list=$apt_dir/toolchain.list dir
	if [ -e "$current/complete" ] && index_is_fresh; then return 0; fi
	with_lock "$apt_dir/.lock" make_list "$list" || return 1
	dir=$cache_dir/toolchain/$suite-$(cat "$list" "$0" | sha256sum | cut -c1-16)
	if [ ! -e "$dir/complete" ]; then
		rm -rf "$dir"
		unpack "$dir" || {
			cat "$apt_dir/toolchain.log" >&2
			rm -rf "$dir"
			die "cannot fetch the tools of $suite"
		}
	fi
	ln -sfn "$dir" "$current"
}

mkdir -p "$cache_dir/toolchain"
with_lock "$current.lock" get_toolchain >&2
readlink -f "$current"
