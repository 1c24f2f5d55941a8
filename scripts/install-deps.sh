#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# install-deps.sh [PACKAGE...]: installs the Debian packages that building,
# testing and the lab need, or those named. Only what is missing is installed, so
# a second run costs a fraction of a second and touches no network. Works on
# Debian 12 and 13.
set -eu

packages=(
	# the virtual machine and what goes into its initramfs
	qemu-system-x86 busybox-static bash-static bash cpio kmod iproute2 ipvsadm
	nftables conntrack tcpdump ethtool iputils-ping iperf3 traceroute curl
	nginx-light keepalived procps
	# kernel modules; Debian 12 builds its kernels with gcc-12
	gcc gcc-12 make bc libc6-dev libelf-dev libssl-dev zlib1g-dev pahole
	sparse xz-utils zstd perl
	# the self-built debug kernel
	flex bison
	# the BPF object (internal/toabpf/generate.sh)
	clang-19 llvm-19 libbpf-dev
	# fetching and checking packages, and our own scripts
	ca-certificates debian-archive-keyring git shellcheck zsh
)

if [ $# -gt 0 ]; then packages=("$@"); fi

die() {
	echo "install-deps: $*" >&2
	exit 1
}

missing_packages() {
	local pkg
	for pkg in "${packages[@]}"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$pkg" 2>/dev/null)" = installed ] ||
			echo "$pkg"
	done
}

command -v dpkg-query >/dev/null || die "this needs Debian (no dpkg-query here)"
mapfile -t missing < <(missing_packages)
[ ${#missing[@]} -gt 0 ] || exit 0

[ "$(id -u)" -eq 0 ] || die "missing packages, and only root can install them: ${missing[*]}"
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Daemons that come along (nginx, keepalived) are for the guest: policy-rc.d
# keeps them from being started on this machine.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	trap 'rm -f "$log" "$policy"' EXIT
fi

install_missing() {
	apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
# One stale third-party source must not stop the installation: the package
# lists that matter are judged by whether the installation works.
if ! install_missing; then
	apt-get -o DPkg::Lock::Timeout=300 update -qq >"$log" 2>&1 || true
	install_missing || {
		tail -n 30 "$log" >&2
		die "apt-get install failed"
	}
fi
