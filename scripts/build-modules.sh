#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build-modules.sh [-k KDIR] TARGET: makes a target of kernel/Makefile for the
# given headers, or for the lab's kernels: modules for the stock ones, anything
# else for the edge ones too.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"

if [ "${1:-}" = -k ]; then
	exec make --no-print-directory -C "$top_dir/kernel" KDIR="$2" "$3"
fi
target=$1 lanes=(stock edge)
case $target in
modules) lanes=(stock) ;;
# The sources are the same for every kernel, and not every toolchain has perl.
check) "$top_dir/scripts/checkpatch.sh" && target=sparse ;;
esac
for name in $(for lane in "${lanes[@]}"; do kernel_names "$lane"; done); do
	load_kernel "$name"
	prepare_kernel
	echo "kernel $name: $target against ${KERNEL_KDIR##*/}"
	with_lock "$modules_dir.lock" kernel_make OUT="$modules_dir" "$target"
done
