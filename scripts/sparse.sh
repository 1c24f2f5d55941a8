#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sparse.sh [-k KDIR] [-o OUT] [FILE...]: builds the kernel modules with W=1 and
# each warning an error, and runs sparse with endianness checks over the same
# files. FILE restricts both to some .c files, named relative to kernel/.
#
# What sparse says about the kernel's own headers is not ours to mend and is
# left out; a header that makes sparse give up is a failure, for then our file
# was not looked at.
set -eu
set -o pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
kdir=/lib/modules/$(uname -r)/build
out=

die() {
	echo "sparse.sh: $*" >&2
	exit 1
}

while getopts k:o: opt; do
	case $opt in
	k) kdir=$OPTARG ;;
	o) out=$OPTARG ;;
	*) die "usage: sparse.sh [-k KDIR] [-o OUT] [FILE...]" ;;
	esac
done
shift $((OPTIND - 1))

command -v sparse >/dev/null || die "sparse is not installed"
[ -f "$kdir/Makefile" ] || die "no kernel headers in $kdir"
out=$(realpath -m "${out:-$top/build/modules/$(cat "$kdir/include/config/kernel.release")/check}")
log=$out/sparse.log

make --no-print-directory -s -C "$top/kernel" "KDIR=$kdir" "OUT=$out" stage

targets=(modules)
if [ $# -gt 0 ]; then
	targets=()
	for file in "$@"; do
		file=${file#kernel/}
		[ -f "$top/kernel/$file" ] || die "no kernel/$file"
		targets+=("${file%.c}.o")
	done
fi

# From a "make -s": the CHECK lines are needed, to know that something was checked.
flags=${MAKEFLAGS:-}
case ${flags%% *} in
*[-=]*) ;;
*s*) export MAKEFLAGS="${flags/s/}" ;;
esac

# modpost says only once what it has to say.
rm -f "$out/Module.symvers"

# This is what C=2 sets, which the Makefile of 7.2 takes back when the headers
# lack the script that judges sparse itself, and Debian's do.
status=0
make --no-print-directory -C "$kdir" "M=$out" W=1 KCFLAGS=-Werror \
	KBUILD_CHECKSRC=2 CF=-D__CHECK_ENDIAN__ "${targets[@]}" >"$log" 2>&1 || status=$?

# ours: messages about files that lie in OUT, by their path: kernels up to 6.12
# name them absolutely, later ones relative to OUT. modpost's messages have no
# position and are about our modules by nature.
ours() {
	awk -v out="$out/" '
		/^(WARNING|ERROR): modpost|^modpost: (WARNING|ERROR)/ { print; next }
		!/^[^ :]+:[0-9]+(:[0-9]+)?: .*(warning|error):/ { next }
		{ path = substr($0, 1, index($0, ":") - 1) }
		index(path, out) == 1 || path ~ /^(\.\/)?(ip_vs_fullnat|toa|common|compat|include\/uapi\/linux\/ip_vs_fullnat)/
	' "$log"
}

if [ "$status" -ne 0 ]; then
	cat "$log" >&2
	die "the build for $kdir failed"
fi
if grep -E 'error: too many errors|sparse: .*(fatal|cannot)' "$log" >&2; then
	die "sparse could not read the headers of $kdir, see $log"
fi
messages=$(ours)
if [ -n "$messages" ]; then
	echo "$messages" >&2
	die "messages about our own files, see $log"
fi
checked=$(grep -c '^ *CHECK ' "$log") || die "sparse looked at no file, see $log"
echo "sparse: $checked files, no message"
