#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build-modules.sh [-k KDIR] TARGET: makes a target of kernel/Makefile for the
# given headers, or for every stock kernel of the lab.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"

if [ "${1:-}" = -k ]; then
	exec make --no-print-directory -C "$top_dir/kernel" KDIR="$2" "$3"
fi
for name in $(kernel_names stock); do
	load_kernel "$name"
	prepare_kernel
	echo "kernel $name: $1 against ${KERNEL_KDIR##*/}"
	with_lock "$modules_dir.lock" \
		make --no-print-directory -C "$top_dir/kernel" KDIR="$KERNEL_KDIR" OUT="$modules_dir" CC="$k_compiler" "$1"
done
