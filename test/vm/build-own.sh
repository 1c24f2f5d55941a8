#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build-own.sh NAME DIR: builds the kernel source that fetch.sh unpacked in DIR with
# NAME.config, and leaves in DIR what a kernel package would: boot, lib/modules
# and the headers, which here are the build tree itself.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/common.sh"

[ $# -eq 2 ] || die "usage: build-own.sh NAME DIR"
load_kernel "$1"
dir=$2
config=$vm_dir/$k_name.config
log=$dir/build.log
src=$dir/usr/src/$k_name

kernel_make() {
	nice make -C "$src" CC="$k_compiler" HOSTCC="$k_compiler" ${k_make[@]+"${k_make[@]}"} \
		LOCALVERSION="-$k_name" KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab "$@" >>"$log" 2>&1 || {
		tail -n 40 "$log" >&2
		die "make $* failed"
	}
}

# check_config: what was asked for must be there; a renamed or unmet option
# would take a checker away without a word.
check_config() {
	local missing
	missing=$(grep '^CONFIG_' "$config" | grep -Fvx -f "$src/.config" || true)
	[ -z "$missing" ] || die "the kernel's configuration does not have: $(xargs <<<"$missing")"
}

target=bzImage image=arch/x86/boot/bzImage
if [ "$k_lane" = program ]; then target=linux image=linux; fi
rm -rf "$src"
mkdir -p "$src"
tar -C "$src" --strip-components=1 -xf "$dir"/usr/src/linux-source-*.tar.xz
rm -f "$dir"/usr/src/linux-source-*.tar.xz
: >"$log"
kernel_make KCONFIG_ALLCONFIG="$config" allnoconfig
check_config
echo "building the kernel $k_name; this takes a while, and is kept" >&2
kernel_make -j"$(nproc)" "$target" modules
release=$(cat "$src/include/config/kernel.release")
kernel_make INSTALL_MOD_PATH="$dir" modules_install
install -D -m 755 "$src/$image" "$dir/boot/vmlinuz-$release"
ln -s "$k_name" "$dir/usr/src/linux-headers-$release"
# Modules are built against headers, scripts and Module.symvers.
find "$src" -name '*.o' ! -path '*/scripts/*' ! -path '*/tools/*' -delete
rm -f "$src/vmlinux" "$src/linux" "$dir/lib/modules/$release/build" "$dir/lib/modules/$release/source"
