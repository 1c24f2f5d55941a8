#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-arm64.sh: cross-builds kernel/toa for the arm64 kernels that Debian has
# beside the lab's stock ones: W=1 without a warning. Only headers of another
# architecture are fetched; what runs of a kernel's build is this machine's.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
# shellcheck source=test/vm/apt.sh
. "$vm_dir/apt.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"

cross=aarch64-linux-gnu

# headers_of FLAVOUR DIR: unpacks arm64's own headers behind links to what all
# architectures share.
headers_of() {
	local package=linux-headers-$1 dir=$2 shared=${KERNEL_KDIR%/usr/src/*}
	[ ! -e "$dir/complete" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir/usr/src" "$dir/usr/lib"
	(cd "$dir" && our_apt apt-get download -qq "$package" && dpkg-deb -x "$package"_*.deb . && rm "$package"_*.deb)
	ln -s "$shared"/usr/src/linux-headers-*-common "$dir/usr/src/"
	ln -s "$shared"/usr/lib/linux-kbuild-* "$dir/usr/lib/"
	sed -i "s|^include /usr/src/|include $dir/usr/src/|" "$dir/usr/src/$package/Makefile"
	touch "$dir/complete"
}

"$top_dir/scripts/install-deps.sh" gcc-12-$cross
for name in $(kernel_names stock); do
	load_kernel "$name"
	prepare_kernel
	apt_for "$k_suites" arm64
	with_lock "$apt_dir/.lock" apt_index
	flavour=${KERNEL_RELEASE%-cloud-amd64}-arm64
	dir=$cache_dir/arm64/$flavour
	with_lock "$dir.lock" headers_of "$flavour" "$dir"
	out=$build_dir/modules/arm64-$name
	mkdir -p "$out"
	make --no-print-directory -C "$top_dir/kernel" KDIR="$dir/usr/src/linux-headers-$flavour" OUT="$out" MODULES=toa \
		ARCH=arm64 CROSS_COMPILE=$cross- CC=$cross-gcc-12 W=1 KCFLAGS=-Werror modules >"$out/build.log" 2>&1 || {
		tail -n 40 "$out/build.log" >&2
		die "toa does not build for $flavour"
	}
	echo "$flavour: $(file -b "$out/toa.ko" 2>/dev/null || echo toa.ko)"
done
