# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Copying programs with what they need into $tree. Sourced by initrd.sh and
# programs.sh.

program_path() {
	readlink -f "$(command -v "$1")" || die "no program $1 (run scripts/install-deps.sh)"
}

# libraries FILE: the shared libraries and the loader that FILE needs.
libraries() {
	ldd "$1" 2>/dev/null | awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }'
}

add_libraries() {
	local lib
	libraries "$1" | while read -r lib; do
		[ -e "$tree$lib" ] || install -D -m 755 "$(readlink -f "$lib")" "$tree$lib"
	done
}

# add_file FILE TARGET: an executable or library, and the libraries it needs.
add_file() {
	install -D -m 755 "$1" "$tree$2"
	add_libraries "$1"
}
