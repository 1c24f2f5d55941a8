# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Building what is under test, and the initramfs of one run. Sourced by run.sh
# and by the scripts that build.

# build_tools: static Go programs, that need nothing in the guest.
build_tools() {
	local -a dirs=()
	local dir
	for dir in "$top_dir"/cmd/*/ "$top_dir"/test/tools/*/; do
		if compgen -G "$dir*.go" >/dev/null; then dirs+=("./${dir#"$top_dir/"}"); fi
	done
	[ ${#dirs[@]} -gt 0 ] || return 0
	mkdir -p "$build_dir/bin"
	(cd "$top_dir" && CGO_ENABLED=0 scripts/go.sh build -trimpath \
		-ldflags="$(version_flag "$(project_version)")" -o "$build_dir/bin/" "${dirs[@]}")
}

# build_guest_tests: Go tests that want a live kernel, as programs NAME.test.
build_guest_tests() {
	local dir
	mkdir -p "$build_dir/bin"
	for dir in $(cd "$top_dir" && find . -name '*_vm_test.go' -printf '%h\n' | sort -u); do
		(cd "$top_dir" && CGO_ENABLED=0 scripts/go.sh test -c -trimpath -tags vm \
			-o "$build_dir/bin/${dir##*/}.test" "$dir")
	done
}

# in_toolchain ROOT COMMAND...: runs it with the programs below ROOT, and with
# this machine's /proc, tree, build folder and cache where they always are.
in_toolchain() {
	local root=$1
	shift
	# shellcheck disable=SC2016  # for the inner shell
	unshare --mount --propagation private bash -eu -c '
		root=$1 dirs=$2
		shift 2
		for dir in $dirs; do
			mkdir -p "$root$dir"
			mount --rbind "$dir" "$root$dir"
		done
		exec chroot "$root" /usr/bin/env -i PATH=/usr/bin:/usr/sbin "$@"
	' in_toolchain "$root" "/proc /dev $top_dir $build_dir $cache_dir" "$@"
}

# kernel_make ARG...: make in kernel/, with the compiler of kernel $k_name.
kernel_make() {
	local root jobs
	jobs=$(nproc)
	set -- make --no-print-directory "-j$jobs" -C "$top_dir/kernel" KDIR="$KERNEL_KDIR" CC="${k_compiler%@*}" ${k_make[@]+"${k_make[@]}"} \
		${k_modules:+MODULES="$k_modules"} "$@"
	case $k_compiler in
	*@*)
		root=$("$vm_dir/toolchain.sh" "${k_compiler#*@}" "${k_compiler%@*}") &&
			in_toolchain "$root" "$@"
		;;
	*) "$@" ;;
	esac
}

# build_modules: make finds out what is stale; its output is only of interest
# when it fails.
build_modules() {
	local out=$modules_dir log=$modules_dir/build.log
	mkdir -p "$out"
	if ! kernel_make OUT="$out" modules >"$log" 2>&1; then
		cat "$log" >&2
		die "building the modules for kernel $k_name failed"
	fi
}

# prepare_kernel: kernel $k_name itself; sets KERNEL_* and modules_dir.
prepare_kernel() {
	local variables
	variables=$("$vm_dir/fetch.sh" "$k_name")
	eval "$variables"
	# A folder per headers: objects of one kernel are no good for another.
	modules_dir=$build_dir/modules/$k_name-$(cksum <<<"$KERNEL_KDIR" | cut -d' ' -f1)
	mkdir -p "$modules_dir"
}

# prepare: the kernel, the base initramfs and the tools.
prepare() {
	prepare_kernel
	base_initrd=$("$vm_dir/initrd.sh" "$k_name")
	with_lock "$build_dir/.lock" build_tools
	with_lock "$build_dir/.lock" build_guest_tests
}

# add_test_modules TREE: what was built, where modprobe looks first, and the
# index that modprobe reads.
add_test_modules() {
	local lib=$1/lib/modules/$KERNEL_RELEASE
	mkdir -p "$lib/updates"
	find "$modules_dir" -maxdepth 1 -name '*.ko' -exec cp {} "$lib/updates/" \;
	cp -r "$base_modules"/kernel "$base_modules"/modules.{order,builtin,builtin.modinfo} "$lib/"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$1" "$KERNEL_RELEASE"
	rm -rf "$lib/kernel" "$lib"/modules.{order,builtin,builtin.modinfo}
}

# guest_environment: what lib.sh and the guest's scripts go by, and what of LAB_*
# the caller has set for a scene.
guest_environment() {
	local size name
	for name in "${!LAB_@}"; do printf '%s=%q\n' "$name" "${!name}"; done
	printf 'LAB_KERNEL=%q\nLAB_LACKS=%q\nLAB_SLOW=%q\n' "$k_name" "$k_lacks" "$k_slow"
	if size=$(stty size 2>/dev/null </dev/tty); then
		printf 'LAB_ROWS=%q\nLAB_COLUMNS=%q\n' "${size% *}" "${size#* }"
	fi
}

# make_initrd [SCENE...]: $run_dir/initrd from the base and what is under test.
make_initrd() {
	local tree=$run_dir/tree
	local base_modules=${base_initrd%.cpio}.modules
	local -a names extra=()
	mapfile -t names < <(for scene in "$@"; do header "$scene" programs; done | tr ' ' '\n' | sort -u | sed '/^$/d')
	if [ ${#names[@]} -gt 0 ]; then extra=("$("$vm_dir/programs.sh" "${names[@]}")"); fi
	rm -rf "$tree"
	mkdir -p "$tree/lab/bin"
	cp "$top_dir"/test/lab/*.sh "$top_dir/test/lab/bench/bounds.tsv" "$tree/lab/"
	cp -r "$scene_dir" "$tree/lab/t"
	# A scene may be about something else in what another one does.
	cp -r "$top_dir/test/lab/t" "$tree/lab/scenes"
	cp -r "$vm_dir/guest" "$tree/lab/guest"
	if [ -d "$top_dir/test/demo" ]; then cp -r "$top_dir/test/demo" "$tree/lab/"; fi
	mv "$tree/lab/guest/init" "$tree/init"
	find "$build_dir/bin" -type f -exec cp {} "$tree/lab/bin/" \;
	add_test_modules "$tree"
	guest_environment >"$tree/lab/env"
	printf '%s\n' "$@" >"$tree/lab/plan"
	(cd "$tree" && find . -print0 | sort -z |
		cpio --quiet --null -o -H newc -R 0:0) >"$run_dir/own.cpio"
	cat "$base_initrd" ${extra[@]+"${extra[@]}"} "$run_dir/own.cpio" >"$run_dir/initrd"
	rm -rf "$tree" "$run_dir/own.cpio"
}
