#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# dkms.sh check|build MODULE KDIR, run by DKMS in its copy of the sources.
#   check  does the kernel export what the module cannot do without?
#   build  out/MODULE.ko; what make says ends with why it failed
set -u
action=$1 module=$2 kdir=$3
docs=/usr/share/doc/@PACKAGE@/compat.md
release=$(cat "$kdir/include/config/kernel.release" 2>/dev/null)
about="$module @VERSION@ cannot be built for kernel ${release:-in $kdir}"

# explain: what is wrong, on standard input, with where to read on.
explain() {
	sed "s/^/$module: /" >&2 <<-EOT
		$about:
		$(sed 's/^/  /')
		Read on in $docs, "When a build fails".
	EOT
}

check() {
	local missing
	if [ ! -r "$kdir/Module.symvers" ]; then
		echo "no Module.symvers in $kdir: are the kernel's headers installed?" | explain
		return 1
	fi
	missing=$(sed -e 's/#.*//' -e '/^$/d' "$module/needs.txt" |
		awk 'NR == FNR { has[$2] = 1; next } !($1 in has) { print "missing symbol: " $1 }' "$kdir/Module.symvers" -)
	[ -z "$missing" ] || {
		explain <<<"$missing"
		return 1
	}
}

# reasons LOG: the symbols that modpost missed, or else the compiler's first words.
reasons() {
	sed -n 's/.*modpost: "\([^"]*\)" .* undefined.*/missing symbol: \1/p' "$1" | sort -u | grep . ||
		grep -m 3 -E '(error|fatal|Error|\*\*\*)' "$1"
}

build() {
	local log
	check || return 1
	log=$(mktemp)
	make --no-print-directory -j"$(nproc)" KDIR="$kdir" OUT="$PWD/out" MODULES="$module" modules 2>&1 | tee "$log"
	if [ "${PIPESTATUS[0]}" -ne 0 ]; then
		{
			reasons "$log"
			echo "What the kernel has: out/$module/compat_config.log"
		} | explain
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

"$action"
