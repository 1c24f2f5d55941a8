#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rpm.sh [NAME]: the scriptlets of the rpms, in the Debian of a kernel of kernels.txt,
# 6.1 if none is named: installed, upgraded, installed anew and erased by rpm, with
# DKMS, systemctl and update-alternatives as they are there. Nothing is booted. What
# this cannot show are dependencies: Debian's rpm knows nothing of what dpkg has installed.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../vm/common.sh"
# shellcheck source=test/packages/chroot.sh
. "$top_dir/test/packages/chroot.sh"
# shellcheck source=test/packages/machine.sh
. "$top_dir/test/packages/machine.sh"

# in_disk COMMAND...: in the root that the disk is made from. The scriptlets ask the
# running kernel's name, which is to be the one that the root has.
in_disk() {
	in_root "$root" sh -eu -c 'mount --bind /lab.uname /usr/bin/uname && exec "$@"' in_disk "$@"
}

# prepare NAME: $root with rpm in it, and $release.
prepare() {
	local source
	source=$("$top_dir/test/packages/root.sh" "$1")
	root=$work/root
	cp -a --reflink=auto "$source" "$root"
	release=$(cd "$root/lib/modules" && echo *)
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	in_root "$root" sh -c 'apt-get update -qq && apt-get install -qq -y rpm' >"$work/apt.log" 2>&1 || {
		tail -n 20 "$work/apt.log" >&2
		die "no rpm in $root"
	}
	printf '#!/bin/sh\n[ "$*" = -r ] || exec /usr/bin/uname.real "$@"\necho %s\n' "$release" >"$root/lab.uname"
	cp "$root/usr/bin/uname" "$root/usr/bin/uname.real"
	chmod 755 "$root/lab.uname"
	mkdir -p "$root/rpms"
	mv "$work/old" "$work/new" "$root/rpms/"
}

# rpms WORDS: of which the shell in the root makes names of files.
rpms() {
	in_disk sh -eu -c "exec rpm --force-debian --nodeps $*"
}

# installed VERSION: what DKMS says, and what modinfo says is what would be loaded.
installed() {
	local module
	for module in ip-vs-fullnat toa; do
		[ "$(in_root "$root" dkms status -m "$module" | grep -c .)" = 1 ] &&
			in_root "$root" dkms status -m "$module" | grep -qE "^${module}[/,] ?$1, $release.*: installed" &&
			[ "$(in_root "$root" modinfo -k "$release" -F version "${module//-/_}")" = "$1" ] &&
			from_dkms "$root" "$release" "${module//-/_}" || return 1
	done
}

enabled() {
	[ "$(in_root "$root" systemctl is-enabled "$1" 2>/dev/null)" = "$2" ]
}

# alternatives: all three names are ours.
alternatives() {
	local name
	for name in ipvsadm ipvsadm-save ipvsadm-restore; do
		[ "$(in_root "$root" readlink -f "/usr/sbin/$name")" = "/usr/sbin/${name/ipvsadm/ipvsadm-go}" ] || return 1
	done
}

# kept: what an administrator has changed.
kept() {
	grep -q '^options toa trusted=10' "$root/etc/modprobe.d/toa.conf" &&
		grep -q '^# toa, by hand' "$root/etc/modules-load.d/toa.conf" &&
		grep -q 'AUTO="true"' "$root/etc/default/ipvsadm" &&
		[ -z "$(find "$root/etc" -name '*.rpmnew' -o -name '*.rpmorig' -o -name '*.rpmsave')" ]
}

# quietly COMMAND...: a scriptlet that fails is a warning to rpm, no more.
quietly() {
	"$@" >"$work/said" 2>&1 || {
		cat "$work/said"
		return 1
	}
	! grep -iE 'scriptlet failed|command not found|no such' "$work/said"
}

life() {
	local version
	version=$(project_version)
	result "rpm installs all packages, and no scriptlet complains" quietly rpms -i '/rpms/old/*.rpm'
	result "DKMS has built and installed both modules, $version" installed "$version"
	result "the units of the director are enabled" eval 'enabled ip-vs-fullnat.service enabled && enabled ipvsadm-go.service enabled'
	result "that of toa-bpf is not" enabled toa-bpf.service disabled
	result "the names of stock's commands are ours, by alternatives" alternatives
	result "the files of stock's package are made" test -e "$root/etc/ipvsadm.rules" -a -e "$root/etc/default/ipvsadm"
	result "rpm finds its files as they were" in_root "$root" rpm --force-debian -V --nodeps "${packages[@]}"

	echo "options toa trusted=10.0.0.0/24,2001:db8:a::/64" >"$root/etc/modprobe.d/toa.conf"
	sed -i '1i # toa, by hand' "$root/etc/modules-load.d/toa.conf"
	echo "net.ipv4.vs.fullnat_lport_min = 20000" >"$root/etc/sysctl.d/ip-vs-fullnat.conf"
	in_root "$root" systemctl disable -q ip-vs-fullnat.service
	result "rpm upgrades all packages, and no scriptlet complains" quietly rpms -U '/rpms/new/*.rpm'
	result "DKMS has the new version alone" installed "$next_version"
	result "the old one's source is gone" test ! -e "$root/usr/src/toa-$version"
	result "files that were edited are kept" kept
	result "a unit that was disabled stays so" enabled ip-vs-fullnat.service disabled
	result "the names are ours" alternatives
	result "rpm installs the same once more" quietly rpms -U --replacepkgs '/rpms/new/*.rpm'
	result "DKMS has it still" installed "$next_version"

	in_root "$root" systemctl enable -q ip-vs-fullnat.service
	result "rpm erases a module" quietly rpms -e toa-dkms
	result "DKMS knows nothing of it" test -z "$(in_root "$root" dkms status -m toa)"
	result "and the kernel has none" not from_dkms "$root" "$release" toa
	mv "$root/etc/modprobe.d/toa.conf.rpmsave" "$root/etc/modprobe.d/toa.conf"
	result "it is installed again" quietly rpms -i '/rpms/new/toa-dkms-*.rpm'
	result "DKMS has it again" installed "$next_version"
	erased
}

# erased: what is left of all packages is what belongs to the administrator.
erased() {
	local path
	result "rpm erases all packages" quietly rpms -e "${packages[*]}"
	result "DKMS knows nothing of them" test -z "$(in_root "$root" dkms status)"
	for path in "usr/sbin/ipvsadm*" "usr/src/toa-*" "usr/src/ip-vs-fullnat-*" "var/lib/dkms/toa" "var/lib/dkms/ip-vs-fullnat" \
		"lib/modules/$release/updates/dkms/*" etc/modules-load.d/{toa,ip-vs-fullnat}.conf "usr/libexec/ip*" usr/share/ipvsadm-go usr/lib/systemd/system/ipvsadm.service.d; do
		result "/$path is gone" not compgen -G "$root/$path"
	done
	result "no unit is enabled that is not there" in_root "$root" sh -c '! find /etc/systemd/system -xtype l | grep .'
	result "what was edited is kept" test -e "$root/etc/modprobe.d/toa.conf.rpmsave" -a -e "$root/etc/ipvsadm.rules"
}

not() {
	! "$@"
}

mkdir -p "$build_dir/run"
work=$(mktemp -d "$build_dir/run/rpm.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
build_both "$work"
rm "$work"/{old,new}/*.deb
load_kernel "${1:-6.1}"
prepare "$k_name"
: >"$work/results"
life
! grep '^not ok' "$work/results" >/dev/null
