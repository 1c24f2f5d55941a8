#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# initrd.sh NAME: builds the part of the guest's initramfs that does not change
# from run to run, and prints its path: real programs with their shared
# libraries, and the kernel modules a network test can want. It is cached by
# what goes into it. run.sh appends a small archive with what is under test.
#
# The archive is left uncompressed: under emulation unpacking costs more than
# reading.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=test/vm/elf.sh
. "$vm_dir/elf.sh"
PATH=$PATH:/usr/sbin:/sbin

programs=(
	ip tc bridge ss ipvsadm nft conntrack tcpdump ethtool ping iperf3 traceroute
	curl nginx keepalived sysctl kmod setpriv unshare nsenter
	# what scripts are written for, where busybox differs
	sed grep awk sleep date timeout head tail sort cut tr uniq wc od stat mktemp
	seq tee cat sha256sum stdbuf cmp diff find xargs dmesg
)

# Whole folders of modules: small, and a scene can then want any of them. What
# they depend on comes along.
module_dirs=(
	kernel/net/netfilter kernel/net/ipv4 kernel/net/ipv6 kernel/net/sched
	kernel/net/core kernel/net/bridge kernel/net/8021q
	kernel/net/tls kernel/crypto
)
module_names=(veth dummy ifb tun macvlan ipvlan vxlan vrf nlmon bonding xfrm_user)

[ $# -eq 1 ] || die "usage: initrd.sh NAME"
kernel_name=$1
variables=$("$vm_dir/fetch.sh" "$kernel_name")
eval "$variables"
kernel_root=${KERNEL_MODULES%/lib/modules/*}

# cache_key: by the programs' and libraries' identity, the kernel, and this file.
cache_key() {
	local prog
	{
		echo "$kernel_root"
		cat "$0"
		for prog in "${programs[@]}" busybox bash-static; do
			program_path "$prog"
		done | xargs stat -L -c '%n %s %Y'
		dpkg-query -W -f '${Package} ${Version}\n' | grep -E '^(lib|nginx|keepalived)'
	} | sha256sum | cut -c1-16
}

add_programs() {
	local prog path extra
	for prog in "${programs[@]}"; do
		path=$(program_path "$prog")
		add_file "$path" "/bin/$prog"
	done
	for extra in modprobe insmod rmmod lsmod modinfo depmod; do
		ln -s kmod "$tree/bin/$extra"
	done
	# iproute2's tc and ip load these at run time.
	for path in /usr/lib/tc /usr/lib/*/tc /etc/iproute2 /usr/share/iproute2 /etc/protocols /etc/services; do
		if [ -e "$path" ]; then
			mkdir -p "$tree$(dirname "$path")"
			cp -a "$path" "$tree$path"
		fi
	done
	# busybox fills the gaps and stands last in PATH, so that it shadows no
	# real program. bash-static keeps its hands off ip, ping and the like,
	# where busybox's shell would prefer its own applets.
	install -D -m 755 "$(program_path busybox)" "$tree/bin/busybox"
	mkdir "$tree/busybox"
	for prog in $("$tree/bin/busybox" --list); do
		ln -s ../bin/busybox "$tree/busybox/$prog"
	done
	install -D -m 755 "$(program_path bash-static)" "$tree/bin/bash"
	ln -s bash "$tree/bin/sh"
	ln -s /busybox/env "$tree/bin/env"
}

# module_files: the files of all wanted modules and their dependencies.
module_files() {
	local dir name
	local -a names=("${module_names[@]}")
	for dir in "${module_dirs[@]}"; do
		while read -r name; do
			names+=("$name")
		done < <(find -L "$KERNEL_MODULES/$dir" -name '*.ko*' -printf '%f\n' 2>/dev/null | sed 's/\.ko.*//')
	done
	# --all would stop at the first that is missing in this kernel.
	printf '%s\n' "${names[@]}" |
		xargs -n 32 modprobe -d "$kernel_root" -S "$KERNEL_RELEASE" --show-depends --all 2>>"$work/modprobe.log" |
		awk '$1 == "insmod" { print $2 }' | sort -u
}

# add_modules: unpacked, so that the guest need not do it.
add_modules() {
	local file target
	module_files | while read -r file; do
		target=$tree/lib/modules/$KERNEL_RELEASE/${file#*/lib/modules/*/}
		mkdir -p "${target%/*}"
		case $file in
		*.xz) xz -dc "$file" >"${target%.xz}" ;;
		*.zst) zstd -qdc "$file" >"${target%.zst}" ;;
		*) cp "$file" "$target" ;;
		esac
	done
	cp "$KERNEL_MODULES"/modules.{order,builtin,builtin.modinfo} "$tree/lib/modules/$KERNEL_RELEASE/"
	depmod -b "$tree" "$KERNEL_RELEASE"
}

add_etc() {
	mkdir -p "$tree"/{etc,root,tmp,run,proc,sys,dev,var/run,var/log,var/lib,sbin}
	ln -s /run/netns "$tree/var/run/netns"
	printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n' >"$tree/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$tree/etc/hosts"
	printf 'passwd: files\ngroup: files\nhosts: files\nprotocols: files\nservices: files\n' >"$tree/etc/nsswitch.conf"
	# Where the kernel (modprobe) and users (ipvsadm) expect them.
	ln -s ../bin/kmod "$tree/sbin/modprobe"
	ln -s ../bin/ipvsadm "$tree/sbin/ipvsadm"
}

build() {
	local out=$1
	[ ! -e "$out" ] || return 0
	echo "building the base initramfs for $kernel_name" >&2
	work=$(mktemp -d "$cache_dir/initrd/work.XXXXXX")
	tree=$work/tree
	mkdir -p "$tree/bin"
	# Libraries name the loader below /lib64.
	add_programs
	add_modules
	add_etc
	(cd "$tree" && find . -print0 | sort -z |
		cpio --quiet --null -o -H newc -R 0:0) >"$work/base.cpio"
	# run.sh's depmod needs to see the modules again.
	rm -rf "${out%.cpio}.modules"
	mv "$tree/lib/modules/$KERNEL_RELEASE" "${out%.cpio}.modules"
	mv "$work/base.cpio" "$out"
	rm -rf "$work"
	# Older ones of this kernel are of no use any more.
	find "$cache_dir/initrd" -maxdepth 1 -name "$kernel_name-*" -mtime +2 -exec rm -rf {} +
}

mkdir -p "$cache_dir/initrd"
base=$cache_dir/initrd/$kernel_name-$(cache_key).cpio
with_lock "$cache_dir/initrd/.lock" build "$base"
echo "$base"
