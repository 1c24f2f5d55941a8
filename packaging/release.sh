#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# release.sh: build/release with all that a release has: packages, the source, a list
# of the Go programs' parts (SBOM, CycloneDX) and SHA256SUMS. It is made twice, and
# both have to be the same, byte by byte. The tree has to be committed. With -n nothing
# is left, and the tree may have changes: is it still so that two builds are the same?
# Programs depend on the Go that is there; the lists name it.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"

# is_complete PROGRAM LIST: it names each module that the toolchain finds in the program.
is_complete() {
	local modules
	modules=$("$top_dir/scripts/go.sh" version -m "$1" | awk '$1 == "dep" { print "pkg:golang/" $2 "@" $3 }')
	[ -n "$modules" ] && [ "$(grep -cF "$modules" <<<"$(sed -n 's/^ *"purl": "\(.*\)".*/\1/p' "$2")")" = "$(wc -l <<<"$modules")" ]
}

# make_release DIR TREE
make_release() {
	local name file list
	mkdir -p "$1"
	"$2/packaging/build.sh" -a -o "$1" >/dev/null
	name=ipvs-fullnat-$version
	git -C "$top_dir" archive --format=tar --prefix="$name/" HEAD | gzip -9n >"$1/$name.tar.gz"
	for file in "$1"/*_amd64.deb "$1"/*_arm64.deb; do
		dpkg-deb --fsys-tarfile "$file" | tar -xO --wildcards './usr/*bin/ipvsadm-go' './usr/*bin/toa-ss' './usr/*bin/toa-bpf' 2>/dev/null >"$work/program" || true
		[ -s "$work/program" ] || die "no program in $file"
		list=${file%.deb}.cdx.json
		(cd "$top_dir" && scripts/go.sh run ./internal/sbom "$work/program" "$version" "$SOURCE_DATE_EPOCH") >"$list"
		is_complete "$work/program" "$list" || die "$list does not list what is in $file"
	done
	(cd "$1" && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
}

version=$(project_version)
try=
if [ "${1:-}" = -n ]; then try=1; fi
[ -n "$try" ] || [ -z "$(git -C "$top_dir" status --porcelain)" ] || die "the tree has changes that are not committed"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top_dir" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
release=$build_dir/release
if [ -n "$try" ]; then release=$work/release; fi
rm -rf "$release"
make_release "$release" "$top_dir"
# From another folder and with nothing that the first one left in Go's cache.
mkdir "$work/tree"
git -C "$top_dir" ls-files -co --exclude-standard -z | (cd "$top_dir" && tar -c --null -T -) | tar -x -C "$work/tree"
GOCACHE=$work/gocache make_release "$work/again" "$work/tree"
diff "$release/SHA256SUMS" "$work/again/SHA256SUMS" || die "two builds differ"
(cd "$release" && sha256sum -c --quiet SHA256SUMS && ls)
echo "release $version: two builds are the same"
