#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [NAME...]: the packages in the life of a machine, on these kernels of
# kernels.txt: one of Debian 12 and one of Debian 13 if none is named. A Debian with
# systemd is booted, and the packages are installed, configured, rebooted, upgraded,
# moved to another kernel where the release has one, and purged.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../vm/common.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"
# shellcheck source=test/packages/machine.sh
. "$top_dir/test/packages/machine.sh"

next_version=99.0.0
# With "-" the machine is booted again.
stages="install - restored upgrade stock - restored"

# packages: this version, and one to upgrade to.
packages() {
	"$top_dir/packaging/build.sh" -o "$work/old" >/dev/null
	"$top_dir/packaging/build.sh" -v "$next_version" -o "$work/new" >/dev/null
	for when in old new; do
		mkdir -p "$work/lab/$when"
		mv "$work/$when"/*_all.deb "$work/$when"/*_amd64.deb "$work/lab/$when/"
	done
}

life() {
	local root plan=$stages
	load_kernel "$1"
	root=$("$top_dir/test/packages/root.sh" "$1")
	rm -rf "$work/lab/kernel"
	if compgen -G "$root/var/cache/apt/archives/linux-image-*" >/dev/null; then
		mkdir "$work/lab/kernel"
		cp "$root"/var/cache/apt/archives/{linux-*,pahole*,libdw*}.deb "$work/lab/kernel/" 2>/dev/null || true
		plan="install - restored upgrade stock kernel - restored"
	fi
	make_disk "$root" "$plan purge"
	run_machine "$(cd "$root/lib/modules" && echo *)"
}

[ $# -gt 0 ] || set -- 6.1 trixie
mkdir -p "$build_dir/run"
work=$(mktemp -d "$build_dir/run/packages.XXXXXX")
trap 'cp "$work/console.log" "$build_dir/console-packages.log" 2>/dev/null; rm -rf "$work"' EXIT
with_lock "$build_dir/.lock" build_tools
packages
status=0
for name; do
	life "$name" || status=1
done
exit $status
