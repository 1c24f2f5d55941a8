#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-shell.sh: shellcheck over every shell script of the tree, found by name
# or by its first line.
set -eu
cd "$(dirname "$0")/.."

scripts() {
	git ls-files --cached --others --exclude-standard | while read -r file; do
		case $file in
		*.sh) echo "$file" ;;
		*.* | LICENSES/*) ;;
		*) if [ -f "$file" ] && head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b'; then echo "$file"; fi ;;
		esac
	done
}

mapfile -t files < <(scripts)
shellcheck -x "${files[@]}"
echo "shellcheck: ${#files[@]} files clean"
