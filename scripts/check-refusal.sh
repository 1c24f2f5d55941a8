#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-refusal.sh: a kernel that lacks what a module cannot do without is refused
# with the name of that and the page of the documentation, by the build and by what
# DKMS runs. The kernel is a real one's headers, from which something was taken.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"

load_kernel "$(kernel_names stock | head -n 1)"
prepare_kernel
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# without FILE SYMBOL...: a Module.symvers that has not got these.
without() {
	local file=$1
	shift
	awk -v gone=" $* " '!index(gone, " " $2 " ")' "$KERNEL_KDIR/Module.symvers" >"$file"
}

# said TEXT LOG: is it there?
said() {
	grep -qF -- "$1" "$2" || {
		cat "$2" >&2
		die "nobody says \"$1\""
	}
}

# poor_headers CONFIG... -- SYMBOL...: the kernel's headers in $tmp/headers, less
# these options and symbols.
poor_headers() {
	local dir=$tmp/headers generated=include/generated/autoconf.h
	local -a sed_args=()
	while [ "$1" != -- ]; do
		sed_args+=(-e "/^#define $1 /d")
		shift
	done
	cp -rs "$KERNEL_KDIR" "$dir"
	rm "$dir/Module.symvers" "$dir/$generated"
	sed "${sed_args[@]}" "$KERNEL_KDIR/$generated" >"$dir/$generated"
	without "$dir/Module.symvers" "${@:2}"
}

# check_build: by make. The refusal comes before what the kernel is asked for by
# probes is of any use, so that those are left out: they take most of the time.
check_build() {
	local symbol log=$tmp/build.log page=$top_dir/docs/toa.md
	local -a symbols=(register_ftrace_function ftrace_set_filter register_kretprobes
		for_each_kernel_tracepoint tracepoint_probe_register)
	poor_headers CONFIG_DYNAMIC_FTRACE_WITH_ARGS CONFIG_DYNAMIC_FTRACE_WITH_REGS -- "${symbols[@]}"
	mkdir "$tmp/kernel"
	cp -r "$top_dir"/kernel/{Makefile,common,compat,include,toa} "$tmp/kernel/"
	rm "$tmp"/kernel/compat/probes/HAVE_*.c
	if make --no-print-directory -C "$tmp/kernel" KDIR="$tmp/headers" OUT="$tmp/out" CC="$k_compiler" MODULES=toa modules \
		>"$log" 2>&1; then
		die "toa was built for a kernel that has not got ${symbols[*]}"
	fi
	for symbol in "${symbols[@]}"; do
		grep -Eq "error: .*toa: no $symbol \(CONFIG_[A-Z_]+\), see Kernels in docs/toa\.md" "$log" ||
			said "toa: no $symbol" "$log"
		said "\`$symbol\`" <(sed -n '/^## Kernels/,$p' "$page")
	done
	said 'toa: no CONFIG_DYNAMIC_FTRACE_WITH_ARGS, see Kernels in docs/toa.md' "$log"
}

# check_dkms MODULE: before it builds.
check_dkms() {
	local module=$1 symbol log=$tmp/dkms.log dir=$tmp/dkms
	local -a symbols
	mapfile -t symbols < <(sed -e 's/#.*//' -e '/^$/d' "$top_dir/kernel/$module/needs.txt")
	[ ${#symbols[@]} -gt 0 ] || die "$module needs nothing"
	rm -rf "$dir"
	mkdir "$dir"
	(cd "$top_dir/kernel" && bash "$top_dir/packaging/dkms/dkms.sh" check "$module" "$KERNEL_KDIR") >"$log" 2>&1 ||
		said 'no complaint' "$log"
	without "$dir/Module.symvers" "${symbols[@]}"
	if (cd "$top_dir/kernel" && bash "$top_dir/packaging/dkms/dkms.sh" check "$module" "$dir") >"$log" 2>&1; then
		die "DKMS would build $module for a kernel that has not got ${symbols[*]}"
	fi
	for symbol in "${symbols[@]}"; do
		said "$module:   missing symbol: $symbol" "$log"
	done
	said 'compat.md, "When a build fails"' "$log"
	said '## When a build fails' "$top_dir/docs/compat.md"
	rm "$dir/Module.symvers"
	if (cd "$top_dir/kernel" && bash "$top_dir/packaging/dkms/dkms.sh" check "$module" "$dir") >"$log" 2>&1; then
		die "DKMS would build $module without headers"
	fi
	said "no Module.symvers in $dir" "$log"
}

check_build
check_dkms toa
check_dkms ip_vs_fullnat
echo "what a kernel lacks is said by its name"
