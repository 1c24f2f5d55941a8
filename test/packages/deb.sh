#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deb.sh [NAME...]: the debs on a clean Debian, that of these kernels of kernels.txt:
# 12 and 13 if none is named. A root of debootstrap's with nothing else gets them by
# apt as it is set up there, which has to bring all that they want: DKMS, a compiler,
# headers, what signs. DKMS compiles by their own scripts. Then keepalived and stock's
# ipvsadm come, the packages are upgraded, removed and purged. Nothing is booted.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../vm/common.sh"
# shellcheck source=test/packages/chroot.sh
. "$top_dir/test/packages/chroot.sh"
# shellcheck source=test/packages/machine.sh
. "$top_dir/test/packages/machine.sh"

# shell COMMANDS: in the root, by its shell; nobody answers questions.
shell() {
	in_root "$root" sh -eu -c "$*" </dev/null
}

# installed VERSION: by DKMS, for a kernel whose headers apt brought, and signed.
installed() {
	local module release
	for module in ip-vs-fullnat toa; do
		release=$(shell "dkms status -m $module" | sed -nE "s|^${module}[/,] ?$1, ([^,]*), .*: installed.*|\1|p" | tail -n 1)
		[ -n "$release" ] && from_dkms "$root" "$release" "${module//-/_}" &&
			shell "modinfo -k $release -F signer ${module//-/_}" | grep . || return 1
	done
}

command_is_ours() {
	[ "$(shell 'readlink -f $(command -v ipvsadm)')" = /usr/sbin/ipvsadm-go ]
}

# left_behind: files of ours that are still there.
left_behind() {
	shell "find / -xdev \( -name '*ipvsadm*' -o -name '*ip?vs?fullnat*' -o -name 'toa.*' -o -name 'toa-*' \) \
		! -path '/debs*' ! -path '/proc/*' ! -path '/sys/*' ! -path '/var/log/*' ! -path '/var/cache/*' ! -path '/var/lib/apt/*' | sort"
}

life() {
	root=$work/$1
	"$top_dir/test/packages/root.sh" -b "$1" "$root"
	cp -r "$work/debs" "$root/debs"
	echo "# $(. "$root/etc/os-release" && echo "$PRETTY_NAME")"
	left_behind >"$work/before"
	# As the documents write it.
	result "apt installs a director's packages" shell 'cd /debs/old && apt-get install -y ./ip-vs-fullnat-dkms_*.deb ./ipvsadm-go_*.deb'
	result "and those of a real server" shell 'cd /debs/old && apt-get install -y ./toa-dkms_*.deb ./toa-ss_*.deb ./toa-bpf_*.deb'
	result "DKMS has compiled both modules, and signed them" installed "$version"
	result "the command ipvsadm is ours" command_is_ours
	result "units of a director are enabled" shell 'cd /etc/systemd/system/multi-user.target.wants && ls -L ip-vs-fullnat.service ipvsadm-go.service'
	result "apt installs keepalived" shell 'apt-get install -y keepalived'
	result "which does with our ipvsadm" shell '! dpkg-query -W -f "\${db:Status-Status}" ipvsadm | grep -qx installed'
	result "stock's ipvsadm comes when it is asked for" shell 'apt-get install -y -o Dpkg::Options::=--force-confold ipvsadm && test -x "$(command -v ipvsadm.stock)"'
	result "the command is still ours" command_is_ours
	result "the packages are upgraded" shell 'cd /debs/new && apt-get install -y ./*.deb'
	result "DKMS has the new version" installed "$next_version"
	result "and nothing of the old one" shell "! dkms status | grep -F '$version,' && ! ls /usr/src/*-$version"
	result "the packages are removed" shell "apt-get remove -y ${packages[*]}"
	result "DKMS knows nothing of them" test -z "$(shell 'dkms status')"
	result "stock's command has its name" shell '! readlink "$(command -v ipvsadm)" && ! command -v ipvsadm.stock && dpkg -V ipvsadm'
	result "they come again" shell 'cd /debs/new && apt-get install -y ./*.deb'
	result "stock's package is purged" shell 'apt-get purge -y ipvsadm'
	result "the command is ours" command_is_ours
	result "the packages are purged" shell "apt-get purge -y ${packages[*]}"
	left_behind >"$work/after"
	result "nothing is left behind" diff "$work/before" "$work/after"
	result "dpkg has nothing to complain of" shell 'dpkg --audit && apt-get check'
	rm -rf --one-file-system "$root"
}

[ $# -gt 0 ] || set -- 6.1 trixie
mkdir -p "$build_dir/run"
work=$(mktemp -d "$build_dir/run/deb.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
version=$(project_version)
build_both "$work/debs"
: >"$work/results"
for name; do life "$name"; done
! grep '^not ok' "$work/results" >/dev/null
