#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# programs.sh NAME...: builds an archive with programs that only some scenes ask
# for ("# programs: NAME..." in their heads), and prints its path. They are too
# large for every initramfs. Cached by what goes into it.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=test/vm/elf.sh
. "$vm_dir/elf.sh"
PATH=$PATH:/usr/sbin:/sbin

# packages_of NAME: the Debian packages it comes from.
packages_of() {
	case $1 in
	apache) echo apache2-bin ;;
	dig) echo bind9-dnsutils ;;
	dnsmasq) echo dnsmasq-base ;;
	haproxy) echo haproxy ;;
	java) echo default-jdk-headless ;;
	python) echo python3 ;;
	sshd) echo openssh-server openssh-client ;;
	*) die "no program $1" ;;
	esac
}

add_dig() {
	add_file "$(program_path dig)" /bin/dig
}

add_dnsmasq() {
	add_file "$(program_path dnsmasq)" /bin/dnsmasq
}

add_haproxy() {
	add_file "$(program_path haproxy)" /bin/haproxy
}

add_apache() {
	local mod
	add_file "$(program_path apache2)" /bin/apache2
	for mod in mpm_event authz_core; do
		add_file "/usr/lib/apache2/modules/mod_$mod.so" "/usr/lib/apache2/modules/mod_$mod.so"
	done
}

# Only what a server needs of the standard library.
add_python() {
	local lib python
	python=$(readlink -f /usr/bin/python3)
	lib=/usr/lib/${python##*/}
	add_file "$python" /bin/python3
	mkdir -p "$tree$lib"
	(cd "$lib" && find . \( -name __pycache__ -o -name test -o -name idlelib -o -name 'config-*' \
		-o -name lib2to3 -o -name pydoc_data -o -name ensurepip -o -name tkinter \) -prune \
		-o -type f \( -name '*.py' -o -name '*.so' \) -print0) |
		(cd "$lib" && cpio --quiet --null -pdm "$tree$lib")
}

add_sshd() {
	local file
	add_file "$(program_path sshd)" /usr/sbin/sshd
	add_file "$(program_path ssh)" /bin/ssh
	add_file "$(program_path ssh-keygen)" /bin/ssh-keygen
	# Newer ones come in several parts.
	for file in /usr/lib/openssh/sshd-*; do
		[ ! -e "$file" ] || add_file "$file" "$file"
	done
}

# A runtime with nothing but the base module, and the server of the lab.
add_java() {
	local home lib
	home=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
	mkdir -p "$tree/usr/lib"
	"$home/bin/jlink" --add-modules java.base,jdk.unsupported --strip-debug --no-man-pages --no-header-files \
		--vm server --output "$tree/usr/lib/java" >&2
	"$home/bin/javac" -d "$tree/usr/lib/java-server" "$top_dir/test/tools/java/PeerServer.java"
	for lib in "$tree"/usr/lib/java/bin/java "$tree"/usr/lib/java/lib/*.so "$tree"/usr/lib/java/lib/server/*.so; do
		add_libraries "$lib"
	done
	ln -s ../usr/lib/java/bin/java "$tree/bin/java"
}

build() {
	local out=$1 name
	shift
	[ ! -e "$out" ] || return 0
	echo "building an archive with $*" >&2
	work=$(mktemp -d "$cache_dir/initrd/work.XXXXXX")
	tree=$work/tree
	mkdir -p "$tree/bin"
	for name in "$@"; do "add_$name"; done
	(cd "$tree" && find . -print0 | sort -z |
		cpio --quiet --null -o -H newc -R 0:0) >"$work/programs.cpio"
	mv "$work/programs.cpio" "$out"
	rm -rf "$work"
}

[ $# -ge 1 ] || die "usage: programs.sh NAME..."
packages=()
for name in "$@"; do
	mapfile -t -O ${#packages[@]} packages < <(packages_of "$name" | tr ' ' '\n')
done
"$top_dir/scripts/install-deps.sh" "${packages[@]}" >&2
key=$({
	echo "$*"
	cat "$0" "$vm_dir/elf.sh" "$top_dir"/test/tools/java/*.java
	dpkg-query -W -f '${Package} ${Version}\n'
} | sha256sum | cut -c1-16)
archive=$cache_dir/initrd/programs-$key.cpio
mkdir -p "$cache_dir/initrd"
with_lock "$cache_dir/initrd/.programs.lock" build "$archive" "$@"
echo "$archive"
