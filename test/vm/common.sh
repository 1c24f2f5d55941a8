# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What fetch.sh, initrd.sh and run.sh share: where things are, and the table of
# kernels. Sourced, never run.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top_dir=$(cd "$vm_dir/../.." && pwd)
# shellcheck disable=SC2034  # the callers use different ones of these
cache_dir=${IPVS_FULLNAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ipvs-fullnat}
# shellcheck disable=SC2034
build_dir=${IPVS_FULLNAT_BUILD:-$top_dir/build}

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# project_version: that of the modules, which the tools say, too.
project_version() {
	sed -n 's/^#define IPVS_FULLNAT_VERSION[[:space:]]*"\(.*\)"/\1/p' "$top_dir/kernel/common/version.h"
}

# version_flag VERSION: for the linker of Go.
version_flag() {
	echo "-X github.com/ipvs-fullnat/ipvs-fullnat/internal/cli.Version=$1"
}

# kernel_rows: the table without comments.
kernel_rows() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$vm_dir/kernels.txt"
}

# kernel_names [LANE]: the names of all kernels, or of those in one lane.
# shellcheck disable=SC2120
kernel_names() {
	kernel_rows | awk -v lane="${1:-}" 'lane == "" || $7 == lane { print $1 }'
}

# load_kernel NAME: sets k_name, k_suites, ... from the table.
# shellcheck disable=SC2034  # the callers use different ones of these
load_kernel() {
	local row
	row=$(kernel_rows | awk -v n="$1" '$1 == n')
	# shellcheck disable=SC2119
	[ -n "$row" ] || die "no kernel named $1; there are: $(kernel_names | xargs)"
	read -r k_name k_suites k_packages k_follow k_compiler k_cpu k_lane k_lacks <<<"$row"
	if [ "$k_lacks" = - ]; then k_lacks=; fi
	# All deadlines are multiplied by this; the checkers cost that much.
	k_slow=1 k_memory=${IPVS_FULLNAT_MEMORY:-1536}
	if [ "$k_lane" = debug ]; then k_slow=6 k_memory=4096; fi
	# What make wants to know of it, beside the compiler, and which of our modules
	# are built for it, if not all: a program has nothing that toa could hook with.
	k_make=() k_modules=
	if [ "$k_lane" = program ]; then k_make=(ARCH=um SUBARCH=x86_64) k_modules=ip_vs_fullnat; fi
	k_slow=$((k_slow * ${IPVS_FULLNAT_SLOW:-1}))
}

# with_lock FILE COMMAND...: only one process at a time works on a cache entry.
with_lock() {
	local file=$1
	shift
	mkdir -p "$(dirname "$file")"
	(
		flock 9
		"$@"
	) 9>"$file"
}
