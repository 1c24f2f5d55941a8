#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [-p] [NAME...]: the packages in the life of a machine, on these kernels of
# kernels.txt: one of Debian 12 and one of Debian 13 if none is named. A Debian with
# systemd is booted, and the packages are installed, configured, rebooted, upgraded,
# moved to another kernel where the release has one, and purged. The machine compiles
# the modules itself, which takes an emulated one hours; with -p this one does, by
# DKMS in a copy of the same root, and hands them over as DKMS's own archives. The
# other kernel is then installed on the disk of the machine while that is off.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../vm/common.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"
# shellcheck source=test/packages/chroot.sh
. "$top_dir/test/packages/chroot.sh"
# shellcheck source=test/packages/machine.sh
. "$top_dir/test/packages/machine.sh"

# With "-" the machine is booted again; with "+" as well, with what change_disk did.
stages="install - restored refused upgrade stock - restored"

# prebuild ROOT RELEASE: $work/lab/{old,new}/NAME-VERSION.dkms.tar.gz.
prebuild() {
	local when package name version
	for when in old new; do
		rm -rf "$work/root"
		cp -a --reflink=auto "$1" "$work/root"
		for package in "$work/lab/$when"/*_all.deb; do dpkg-deb -x "$package" "$work/root"; done
		for name in ip-vs-fullnat toa; do
			version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$work/root/usr/src/$name"-*/dkms.conf)
			in_root "$work/root" sh -eu -c '
				for step in add build mktarball; do
					kernel="-k $3"
					if [ $step = add ]; then kernel=; fi
					dkms $step -m "$1" -v "$2" $kernel
				done' prebuild "$name" "$version" "$2" >"$work/dkms.log" 2>&1 || {
				tail -n 30 "$work/dkms.log" >&2
				die "DKMS cannot build $name for $2"
			}
			mv "$work/root/var/lib/dkms/$name/$version/tarball"/*.tar.gz "$work/lab/$when/$name-$version.dkms.tar.gz"
		done
	done
	rm -rf "$work/root"
}

# change_disk DIR: installs the other kernel and its headers, as an update does, and
# prints which it is. DKMS builds for it.
change_disk() {
	in_root "$1" sh -eu -c '
		apt-get install -y /lab/kernel/*.deb >/lab/kernel.log 2>&1 || { tail -n 40 /lab/kernel.log >&2; exit 1; }
		cd /lib/modules
		for release in *; do [ "$release" = "$1" ] || echo "$release"; done' change_disk "$2"
}

life() {
	local root release plan=$stages
	load_kernel "$1"
	root=$("$top_dir/test/packages/root.sh" "$1")
	release=$(cd "$root/lib/modules" && echo *)
	rm -rf "$work/lab/kernel" "$work"/lab/*/*.tar.gz
	[ -z "$prebuilt" ] || prebuild "$root" "$release"
	if compgen -G "$root/var/cache/apt/archives/linux-image-*" >/dev/null; then
		mkdir "$work/lab/kernel"
		cp "$root"/var/cache/apt/archives/{linux-*,pahole*,libdw*}.deb "$work/lab/kernel/" 2>/dev/null || true
		plan="install - restored refused upgrade stock kernel - restored"
		[ -z "$prebuilt" ] || plan="install - restored refused upgrade stock + moved restored"
	fi
	make_disk "$root" "$plan purge"
	run_machine "$release"
}

prebuilt=
if [ "${1:-}" = -p ]; then
	prebuilt=1
	shift
fi
[ $# -gt 0 ] || set -- 6.1 trixie
mkdir -p "$build_dir/run"
work=$(mktemp -d "$build_dir/run/packages.XXXXXX")
trap 'cp "$work/console.log" "$build_dir/console-packages.log" 2>/dev/null; rm -rf "$work"' EXIT
with_lock "$build_dir/.lock" build_tools
build_both "$work/lab"
rm "$work"/lab/*/*.rpm
status=0
for name; do
	life "$name" || status=1
done
exit $status
