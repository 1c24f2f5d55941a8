#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# probe.sh OUTPUT COMPAT_DIR MODULE_SYMVERS HAVE_X...: what the target kernel
# has, as a header. Run by Kbuild.include, which puts the compiler with its flags
# into COMPAT_CC, and what it is run for in words into COMPAT_FOR.
#
#   probes/HAVE_X.c compiles              -> #define HAVE_X 1
#   a symbol of exports.txt is exported   -> #define HAVE_EXPORT_SYMBOL 1
#
# Beside OUTPUT lies a log with the compiler's message for each probe that
# failed: a bug report about a build is of no use without it.
set -eu

output=$1
dir=$2
symvers=$3
shift 3
probes=("$@")
log=${output%.h}.log
tmp=$(mktemp -d "${output%/*}/.probe.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
export tmp

die() {
	echo "probe.sh: $*" >&2
	exit 1
}

# compile FILE: leaves FILE's name with .ok or .no in $tmp, holding the
# compiler's messages.
compile() {
	local name=${1##*/}
	name=$tmp/${name%.c}
	# COMPAT_CC is a command line, quotes included: it has to be parsed.
	if eval "$COMPAT_CC" '"$1"' >"$name.out" 2>&1; then
		mv "$name.out" "$name.ok"
	else
		mv "$name.out" "$name.no"
	fi
}
export -f compile

# compile_all FILE...: FILE is named relative to probes/.
compile_all() {
	# shellcheck disable=SC2016  # the inner shell is to expand it
	printf '%s\0' "${@/#/$dir/probes/}" |
		xargs -0 -n 1 -P "$(getconf _NPROCESSORS_ONLN)" bash -c 'compile "$1"' compile
}

# check_canaries: without this, a broken compiler or broken headers would look
# like a kernel that has nothing, and a lenient compiler like one that has all.
check_canaries() {
	local file name
	local -a canaries=()
	for file in "$dir"/probes/canary/*.c; do
		canaries+=("canary/${file##*/}")
	done
	compile_all "${canaries[@]}"
	for name in "${canaries[@]}"; do
		name=${name#*/}
		name=${name%.c}
		case $name in
		yes*)
			[ -e "$tmp/$name.ok" ] || {
				cat "$tmp/$name.no" >&2
				die "$name.c must compile and does not: compiler and kernel headers do not fit"
			}
			;;
		no*)
			[ -e "$tmp/$name.no" ] || {
				cat "$tmp/$name.ok" >&2
				die "$name.c must not compile but does: probes would answer yes to anything"
			}
			;;
		esac
	done
}

# interfaces: one line per probe that was compiled.
interfaces() {
	local name
	for name in "${probes[@]}"; do
		if [ -e "$tmp/$name.ok" ]; then
			echo "#define $name 1"
		else
			echo "/* $name: no */"
			{
				echo "== $name"
				cat "$tmp/$name.no"
			} >>"$tmp/log"
		fi
	done
}

# exports: one line per symbol of exports.txt. A declaration in a header does
# not mean that modpost will find the symbol.
exports() {
	local symbol macro
	while read -r symbol; do
		macro=HAVE_EXPORT_${symbol^^}
		if awk -v s="$symbol" '$2 == s { found = 1; exit } END { exit !found }' "$symvers"; then
			echo "#define $macro 1"
		else
			echo "/* $macro: no */"
			echo "== $macro: $symbol is not in $symvers" >>"$tmp/log"
		fi
	done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$dir/exports.txt")
}

[ -r "$symvers" ] || die "cannot read $symvers: modules cannot be linked against this kernel"
check_canaries
compile_all "${probes[@]/%/.c}"
echo "# probes that said no (${COMPAT_FOR:-by hand})" >"$tmp/log"
{
	echo "/* Made by probe.sh; what said no, and why: ${log##*/} */"
	interfaces
	exports
} >"$tmp/config"
mv "$tmp/log" "$log"
mv "$tmp/config" "$output"
