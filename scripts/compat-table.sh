#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# compat-table.sh FILE...: writes the table in docs/compat.md, which interface
# is in which kernel. Each FILE is a compat_config.h, and the directory it lies
# in names its column: build/modules/6.1.192/ip_vs_fullnat/compat_config.h is
# the column 6.1.192. With -n the table goes to stdout and the file stays as it is.
set -eu
# A name that a file does not answer must stop the script from inside $( ).
shopt -s inherit_errexit

top=$(cd "$(dirname "$0")/.." && pwd)
doc=$top/docs/compat.md

die() {
	echo "compat-table.sh: $*" >&2
	exit 1
}

print_only=
if [ "${1:-}" = -n ]; then
	print_only=1
	shift
fi
[ $# -gt 0 ] || die "usage: compat-table.sh [-n] FILE..."

# column FILE: .../COLUMN/MODULE/compat_config.h
column() {
	basename "$(dirname "$(dirname "$1")")"
}

names() {
	grep -ohE 'HAVE_[A-Z0-9_]+' "$@" | sort -u
}

answer() {
	if grep -q "^#define $1 1\$" "$2"; then
		echo yes
	elif grep -q "^/\* $1: no \*/\$" "$2"; then
		echo no
	else
		die "$2 says nothing about $1: it is older than the probe, run make probe again"
	fi
}

table() {
	local name file row
	row='| interface |'
	for file in "$@"; do row+=" $(column "$file") |"; done
	echo "$row"
	row='| --- |'
	for file in "$@"; do row+=' --- |'; done
	echo "$row"
	for name in $(names "$@"); do
		row="| \`$name\` |"
		for file in "$@"; do row+=" $(answer "$name" "$file") |"; done
		echo "$row"
	done
}

rows=$(table "$@")
if [ -n "$print_only" ]; then
	echo "$rows"
	exit
fi
for mark in '<!-- table -->' '<!-- end of table -->'; do
	grep -qx -- "$mark" "$doc" || die "no line $mark in $doc"
done
{
	sed '/^<!-- table -->$/q' "$doc"
	echo "$rows"
	sed -n '/^<!-- end of table -->$/,$p' "$doc"
} >"$doc.new"
mv "$doc.new" "$doc"
