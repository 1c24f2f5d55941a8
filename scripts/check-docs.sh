#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-docs.sh: docs/counters.md and docs/toa.md have each counter and each
# setting of their module and no other; links between documents lead somewhere; and targets of make that
# they name exist.
set -eu
cd "$(dirname "$0")/.."
bad=0

complain() {
	echo "$*" >&2
	bad=1
}

# same FILE WHAT SOURCE DOCUMENTED: two lists of names must be equal.
same() {
	local diff
	diff=$(diff <(sort <<<"$3") <(sort <<<"$4") | sed -n 's/^< /missing: /p; s/^> /not there any more: /p')
	[ -z "$diff" ] || complain "$1, $2: $diff"
}

# documented FILE FROM TO: the names in the first column of tables between headings.
documented() {
	sed -n "/^## $2/,/^## $3/p" "$1" | sed -n 's/^| `\([a-z0-9_]*\)`.*/\1/p'
}

counters() {
	sed -n 's/.*\[FNAT_STAT_[A-Z0-9_]*\] = "\([a-z0-9_]*\)".*/\1/p' kernel/ip_vs_fullnat/stats.c
}

settings() {
	sed -n 's/.*KNOB("\([a-z0-9_]*\)".*/\1/p' kernel/ip_vs_fullnat/sysctl.c
}

toa_counters() {
	sed -n 's/.*\[TOA_STAT_[A-Z0-9_]*\] = "\([a-z0-9_]*\)".*/\1/p; s/.*show_global(seq, "\([a-z_]*\)".*/\1/p' kernel/toa/stats.c
}

toa_settings() {
	sed -n 's/.*\.procname.*= "\([a-z_]*\)".*/\1/p' kernel/toa/sysctl.c
}

# links FILE: those to files of this project.
links() {
	grep -oE '\]\([^)#]+' "$1" | sed 's/^](//' | grep -v '^[a-z]*:' || true
}

# targets FILE: what "make TARGET" in it names.
targets() {
	grep -oE '(`|^    )make [a-z][a-z0-9-]*' "$1" | sed 's/.*make //' | grep -v '^-' || true
}

same docs/counters.md counters "$(counters)" "$(documented docs/counters.md Counters Settings)"
same docs/counters.md settings "$(settings)" "$(documented docs/counters.md Settings '$')"
same docs/toa.md counters "$(toa_counters)" "$(documented docs/toa.md Counters NAT64)"
same docs/toa.md settings "$(toa_settings)" "$(documented docs/toa.md Settings Counters)"
for file in *.md docs/*.md test/lab/*.md; do
	for link in $(links "$file"); do
		[ -e "$(dirname "$file")/$link" ] || complain "$file: no file $link"
	done
	for target in $(targets "$file"); do
		grep -q "^$target:" Makefile kernel/Makefile || complain "$file: no target $target"
	done
done
[ $bad -eq 0 ] && echo "documentation: counters, settings, links and targets agree"
