#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# matrix.sh [NAME...]: both modules by DKMS, on each kernel of kernels.txt but the
# debug one, or on those named: dkms add, build and install in the Debian that the
# kernel comes from, with its compiler, and then a machine that boots this disk. The
# table in README.md is written anew from what was found; where a kernel is not
# named, its line stays.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../vm/common.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"
# shellcheck source=test/packages/chroot.sh
. "$top_dir/test/packages/chroot.sh"
# shellcheck source=test/packages/machine.sh
. "$top_dir/test/packages/machine.sh"

modules=(ip-vs-fullnat toa)

# step ROOT COMMAND...: in the root; the log is shown if it fails.
step() {
	in_root "$@" >"$work/step.log" 2>&1 || {
		tail -n 40 "$work/step.log" >&2
		return 1
	}
}

# dkms_steps ROOT RELEASE MODULE: what came of it, in a word.
dkms_steps() {
	local name=$3 version
	version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$1"/usr/src/"$name"-*/dkms.conf)
	step "$1" dkms add -m "$name" -v "$version" || { echo "add failed"; return; }
	step "$1" dkms build -m "$name" -v "$version" -k "$2" || {
		cat "$1/var/lib/dkms/$name/$version/build/make.log" >&2 || true
		echo "build failed"
		return
	}
	# The compiler's own words are a failure, too.
	if grep -h 'warning:' "$1/var/lib/dkms/$name/$version/$2"/*/log/make.log >&2; then
		echo "warnings"
		return
	fi
	step "$1" dkms install -m "$name" -v "$version" -k "$2" || { echo "install failed"; return; }
	echo yes
}

# one NAME: "release | compiler | result..." of a kernel.
one() {
	local root release word row booted=no
	load_kernel "$1"
	root=$("$top_dir/test/packages/root.sh" "$1")
	rm -rf "$work/root"
	cp -a --reflink=auto "$root" "$work/root"
	release=$(cd "$root/lib/modules" && echo *)
	for package in "$build_dir"/packages/*_{all,amd64}.deb; do dpkg-deb -x "$package" "$work/root"; done
	row="| $1 | $release | $(. "$root/etc/os-release" && echo "$PRETTY_NAME")"
	for name in "${modules[@]}"; do
		word=$(dkms_steps "$work/root" "$release" "$name")
		echo "$1: $name: $word" >&2
		[ "$word" = yes ] || failed=1
		row+=" | $word"
	done
	mkdir -p "$work/lab"
	make_disk "$work/root" boots
	if run_machine "$release" >&2; then booted=yes; else failed=1; fi
	row+=" | $booted |"
	sed -i "/^| $1 | /d" "$work/table"
	echo "$row" >>"$work/table"
}

# write_table: between its marks in README.md, sorted as versions are.
write_table() {
	local doc=$top_dir/README.md
	{
		sed '/^<!-- kernels -->$/q' "$doc"
		echo "| kernel | release | Debian | \`ip_vs_fullnat\`: add, build, install | \`toa\`: the same | boots, loads both, traffic flows |"
		echo "| --- | --- | --- | --- | --- | --- |"
		sort -t '|' -k 3,3V "$work/table"
		sed -n '/^<!-- end of kernels -->$/,$p' "$doc"
	} >"$work/readme"
	cp "$work/readme" "$doc"
}

if [ $# -eq 0 ]; then
	mapfile -t names < <(for lane in stock edge packages old; do kernel_names $lane; done)
	set -- "${names[@]}"
	fresh=1
fi
mkdir -p "$build_dir/run"
work=$(mktemp -d "$build_dir/run/matrix.XXXXXX")
trap 'cp "$work/console.log" "$build_dir/console-packages.log" 2>/dev/null; rm -rf "$work"' EXIT
with_lock "$build_dir/.lock" build_tools
"$top_dir/packaging/build.sh" >/dev/null
failed=0
: >"$work/table"
if [ -z "${fresh:-}" ]; then
	sed -n '/^<!-- kernels -->$/,/^<!-- end of kernels -->$/p' "$top_dir/README.md" | grep -E '^\| [0-9a-z.-]+ \| [0-9]' >"$work/table" || true
fi
for name; do one "$name"; done
write_table
exit $failed
