#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-docs.sh: docs/counters.md has each counter and each setting of the module
# and no other; links between documents lead somewhere; and targets of make that
# they name exist.
set -eu
cd "$(dirname "$0")/.."
bad=0

complain() {
	echo "$*" >&2
	bad=1
}

# same WHAT SOURCE DOCUMENTED: two lists of names must be equal.
same() {
	local diff
	diff=$(diff <(sort <<<"$2") <(sort <<<"$3") | sed -n 's/^< /missing: /p; s/^> /not there any more: /p')
	[ -z "$diff" ] || complain "docs/counters.md, $1: $diff"
}

# documented FROM TO: the names in the first column of tables between headings.
documented() {
	sed -n "/^## $1/,/^## $2/p" docs/counters.md | sed -n 's/^| `\([a-z0-9_]*\)`.*/\1/p'
}

counters() {
	sed -n 's/.*\[FNAT_STAT_[A-Z0-9_]*\] = "\([a-z0-9_]*\)".*/\1/p' kernel/ip_vs_fullnat/stats.c
}

settings() {
	sed -n 's/.*KNOB("\([a-z0-9_]*\)".*/\1/p' kernel/ip_vs_fullnat/sysctl.c
}

# links FILE: those to files of this project.
links() {
	grep -oE '\]\([^)#]+' "$1" | sed 's/^](//' | grep -v '^[a-z]*:' || true
}

# targets FILE: what "make TARGET" in it names.
targets() {
	grep -oE '(`|^    )make [a-z-]+' "$1" | sed 's/.*make //' | grep -v '^-' || true
}

same counters "$(counters)" "$(documented Counters Settings)"
same settings "$(settings)" "$(documented Settings '$')"
for file in *.md docs/*.md test/lab/*.md; do
	for link in $(links "$file"); do
		[ -e "$(dirname "$file")/$link" ] || complain "$file: no file $link"
	done
	for target in $(targets "$file"); do
		grep -q "^$target:" Makefile kernel/Makefile || complain "$file: no target $target"
	done
done
[ $bad -eq 0 ] && echo "documentation: counters, settings, links and targets agree"
