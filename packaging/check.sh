#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check.sh [-u]: what a change of the packages must pass, without a machine: they
# build, lintian has nothing to say, deb and rpm have the files of contents.txt, and the
# tool says which version it is. With -u contents.txt is written anew.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"

# contents: "format package path" of each file but sources and documents, which come
# and go by themselves.
contents() {
	local file
	for file in "$work"/*_all.deb "$work"/*_amd64.deb; do
		dpkg-deb --fsys-tarfile "$file" | tar -t | sed 's|^\.||' |
			grep -v '/$' | sed "s|^|deb $(dpkg-deb -f "$file" Package) |"
	done
	for file in "$work"/*.noarch.rpm "$work"/*.x86_64.rpm; do
		rpm -qp --dbpath "$work/rpmdb" --qf '[%{FILEMODES:perms} rpm %{=NAME} %{FILENAMES}\n]' "$file" | sed -n 's/^[^d][^ ]* //p'
	done
}

# said_version: what the packed ipvsadm-go says of itself.
said_version() {
	dpkg-deb --fsys-tarfile "$work"/ipvsadm-go_*_"$(dpkg --print-architecture)".deb | tar -xO ./usr/sbin/ipvsadm-go >"$work/program"
	chmod 755 "$work/program"
	"$work/program" -v | sed -n 's/^ipvsadm-go \([^ ]*\) .*/\1/p'
}

update=
if [ "${1:-}" = -u ]; then update=1; fi
"$top_dir/scripts/install-deps.sh" lintian rpm
mkdir -p "$build_dir/run"
work=$(mktemp -d "$build_dir/run/packages.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$top_dir/packaging/build.sh" -a -o "$work" >/dev/null
lintian --allow-root --fail-on error,warning,info "$work"/*.deb
contents | grep -vE ' /usr/(src|share/doc)/' | LC_ALL=C sort >"$work/contents"
if [ -n "$update" ]; then cp "$work/contents" "$top_dir/packaging/contents.txt"; fi
diff "$top_dir/packaging/contents.txt" "$work/contents" || die "files came or went: look at them, then check.sh -u"
version=$(project_version)
said=$(said_version)
[ "$said" = "$version" ] || die "ipvsadm-go -v says $said, and the version is $version"
grep -q "^## $version " "$top_dir/CHANGELOG.md" || die "CHANGELOG.md says nothing of version $version"
echo "packages: lintian has nothing to say, contents as listed"
