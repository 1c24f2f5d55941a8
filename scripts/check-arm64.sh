#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-arm64.sh [KERNEL...]: cross-builds kernel/toa for the arm64 kernels that Debian
# has beside the lab's: W=1 without a warning. Only headers of another architecture
# are fetched; what runs of a kernel's build is this machine's.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
# shellcheck source=test/vm/apt.sh
. "$vm_dir/apt.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"

cross=aarch64-linux-gnu

# flavours: arm64's names of kernel $k_name: the lab's version, then others of the
# series, newest first. The security archive forgets arm64 before amd64.
flavours() {
	echo "${KERNEL_RELEASE%-cloud-amd64}-arm64"
	our_apt apt-cache search --names-only "^linux-headers-${KERNEL_RELEASE%%[-+]*}.*-arm64\$" |
		sed -n 's/^linux-headers-\([0-9.]*[-+][0-9a-z]*-arm64\) .*/\1/p' | sort -rV
}

# unpack_here PACKAGE: below the current folder.
unpack_here() {
	our_apt apt-get download -qq "$1" 2>/dev/null && dpkg-deb -x "$1"_*.deb . && rm "$1"_*.deb
}

# headers_of FLAVOUR DIR: unpacks arm64's own headers beside links to what all
# architectures share; of another version than the lab's, all headers.
headers_of() {
	local package=linux-headers-$1 common=linux-headers-${1%-arm64}-common dir=$2 shared=${KERNEL_KDIR%/usr/src/*}
	[ ! -e "$dir/complete" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir/usr/src" "$dir/usr/lib"
	(cd "$dir" && unpack_here "$package") || return 1
	if [ -e "$shared/usr/src/$common" ]; then
		ln -s "$shared/usr/src/$common" "$dir/usr/src/"
	else
		(cd "$dir" && unpack_here "$common") || return 1
	fi
	ln -s "$shared"/usr/lib/linux-kbuild-* "$dir/usr/lib/"
	sed -i -E "s#^(include |KBUILD_OUTPUT=)/usr/src/#\1$dir/usr/src/#" "$dir/usr/src/$package/Makefile"
	touch "$dir/complete"
}

# get_headers: sets flavour and dir to the newest that the archive still has.
get_headers() {
	for flavour in $(flavours); do
		dir=$cache_dir/arm64/$flavour
		if with_lock "$dir.lock" headers_of "$flavour" "$dir"; then return 0; fi
		rm -rf "$dir"
	done
	die "the archive has no headers of an arm64 kernel $k_name"
}

# cross_make ARG...: make in kernel/, with the cross compiler of the version that
# kernel $k_name wants.
cross_make() {
	local root compiler=${k_compiler%@*}
	set -- make --no-print-directory -C "$top_dir/kernel" MODULES=toa ARCH=arm64 \
		CROSS_COMPILE=$cross- CC="$cross-$compiler" W=1 KCFLAGS=-Werror "$@"
	case $k_compiler in
	*@*)
		root=$("$vm_dir/toolchain.sh" "${k_compiler#*@}" "$compiler-$cross") &&
			in_toolchain "$root" "$@"
		;;
	*)
		"$top_dir/scripts/install-deps.sh" "$compiler-$cross" && "$@"
		;;
	esac
}

[ $# -gt 0 ] || mapfile -t kernels < <(kernel_names stock && kernel_names edge)
for name in "${@:-${kernels[@]}}"; do
	load_kernel "$name"
	prepare_kernel
	apt_for "$k_suites" arm64
	with_lock "$apt_dir/.lock" apt_index
	get_headers
	out=$build_dir/modules/arm64-$name
	mkdir -p "$out"
	cross_make KDIR="$dir/usr/src/linux-headers-$flavour" OUT="$out" modules >"$out/build.log" 2>&1 || {
		tail -n 40 "$out/build.log" >&2
		die "toa does not build for $flavour"
	}
	echo "$flavour: $(file -b "$out/toa.ko" 2>/dev/null || echo toa.ko)"
done
