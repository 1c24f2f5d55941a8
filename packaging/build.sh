#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh [-a] [-v VERSION] [-o DIR]: deb and rpm packages in DIR, build/packages if
# nothing is said, from packaging/*/package.yaml. Programs are for this machine's
# architecture, with -a for all. The version is that of kernel/common/version.h; -v is
# for trying an upgrade. The same tree and the same Go give the same packages, byte by
# byte: dates are that of the last commit, or SOURCE_DATE_EPOCH.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
here=$top_dir/packaging
nfpm_version=v2.43.0
maintainer="ipvs-fullnat maintainers <maintainers@ipvs-fullnat.invalid>"
all_architectures=(amd64 arm64)
# package, kernel module, and what it wants of a kernel's configuration
dkms_packages=("ip-vs-fullnat-dkms ip_vs_fullnat CONFIG_IP_VS" "toa-dkms toa CONFIG_DYNAMIC_FTRACE")
go_packages=(ipvsadm-go toa-ss toa-bpf)

version=$(project_version)
out=$build_dir/packages
architectures=("$(dpkg --print-architecture)")
while getopts av:o: opt; do
	case $opt in
	a) architectures=("${all_architectures[@]}") ;;
	v) version=$OPTARG ;;
	o) out=$(realpath -m "$OPTARG") ;;
	*) die "usage: build.sh [-a] [-v VERSION] [-o DIR]" ;;
	esac
done
[ -n "$version" ] || die "no version in kernel/common/version.h"
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
	SOURCE_DATE_EPOCH=$(git -C "$top_dir" log -1 --format=%ct 2>/dev/null) ||
		SOURCE_DATE_EPOCH=$(stat -c %Y "$top_dir/CHANGELOG.md")
fi
export SOURCE_DATE_EPOCH
umask 022

# nfpm_path: the program that makes packages, by the Go proxy; kept.
nfpm_path() {
	local dir=$cache_dir/nfpm-$nfpm_version
	if [ ! -x "$dir/nfpm" ]; then
		mkdir -p "$dir"
		(cd / && GOBIN=$dir "$top_dir/scripts/go.sh" install "github.com/goreleaser/nfpm/v2/cmd/nfpm@$nfpm_version") >&2 ||
			die "cannot get nfpm $nfpm_version"
	fi
	echo "$dir/nfpm"
}

# fill FILE...: puts values in, in place.
fill() {
	sed -i -e "s|@PACKAGE@|$package|g; s|@MODULE@|${module:-}|g; s|@CONFIG@|${config:-}|g" \
		-e "s|@VERSION@|$version|g; s|@ARCH@|${arch:-}|g; s|@MAINTAINER@|$maintainer|g; s|@UNIT@|${unit:-}|g" "$@"
}

# deb_changelog: Debian's form of what CHANGELOG.md says.
deb_changelog() {
	cat <<-EOT
		ipvs-fullnat ($version) unstable; urgency=medium

		  * Version $version; CHANGELOG.md has what it brings.

		 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
	EOT
}

# script NAME PART...: a maintainer script in the stage, from those parts that are
# there; the first one brings "#!" and set.
script() {
	local name=$1 part
	shift
	for part; do
		if [ -e "$part" ]; then cat "$part"; fi
	done >"$stage/$name"
	if [ ! -s "$stage/$name" ]; then
		rm "$stage/$name"
		return 0
	fi
	# Functions stand in front of those who call them.
	case $name in
	deb-*)
		{
			printf '#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\nset -e\n'
			[ -z "${unit:-}" ] || cat "$here/unit.sh"
			[ ! -e "$here/$package/paths.sh" ] || cat "$here/$package/paths.sh"
			grep -vxE '#!/bin/sh|# SPDX-.*|set -e' "$stage/$name"
		} | grep -v '^# shellcheck' >"$stage/$name.new"
		mv "$stage/$name.new" "$stage/$name"
		;;
	esac
	fill "$stage/$name"
	chmod 755 "$stage/$name"
}

# documents FILE...: what both formats have in their doc folder, and the deb's own.
documents() {
	mkdir -p "$stage/doc" "$stage/deb-doc"
	install -m 644 "$@" "$top_dir/CHANGELOG.md" "$stage/doc/"
	install -m 644 "$here/copyright" "$stage/doc/copyright"
	deb_changelog | gzip -9n >"$stage/deb-doc/changelog.gz"
	install -m 644 "$here/lintian-overrides" "$stage/lintian-overrides"
	if [ -e "$here/$package/lintian-overrides" ]; then cat "$here/$package/lintian-overrides" >>"$stage/lintian-overrides"; fi
	fill "$stage/lintian-overrides"
}

# begin PACKAGE: an empty stage for it, with its description and its own files.
begin() {
	package=$1 unit=
	stage=$work/$package-$2
	mkdir -p "$stage"
	find "$here/$package" -maxdepth 1 -type f ! -name 'deb-*' ! -name 'rpm-*' ! -name lintian-overrides \
		-exec cp {} "$stage/" \;
	for unit in "$here/$package"/*.service; do
		if [ -e "$unit" ]; then unit=${unit##*/}; else unit=; fi
	done
	fill "$stage/package.yaml"
}

pack() {
	local format
	# A clone has the modes of its owner's umask.
	chmod -R u=rwX,go=rX "$stage"
	find "$stage" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
	for format in deb rpm; do
		(cd "$stage" && "$nfpm" package -f package.yaml -p "$format" -t "$out/") >>"$work/log" 2>&1 || {
			cat "$work/log" >&2
			die "cannot pack $package"
		}
	done
}

# dkms_package PACKAGE MODULE CONFIG
dkms_package() {
	local part arch=all
	module=$2 config=$3
	begin "$1" all
	# What DKMS calls it.
	package=${1%-dkms}
	mkdir "$stage/src"
	cp -r "$top_dir"/kernel/{Makefile,common,compat,include,"$module"} "$here/dkms/dkms.conf" "$here/dkms/dkms.sh" "$stage/src/"
	sed -i "s|^\(#define IPVS_FULLNAT_VERSION[[:space:]][[:space:]]*\).*|\1\"$version\"|" "$stage/src/common/version.h"
	fill "$stage/src/dkms.conf"
	sed -i "s|@PACKAGE@|$1|" "$stage/src/dkms.sh"
	fill "$stage/src/dkms.sh"
	for part in deb-postinst deb-prerm rpm-post rpm-preun; do
		script "$part" "$here/dkms/$part" "$here/$1/$part"
	done
	package=$1
	script deb-postrm "$here/$1/deb-postrm"
	documents "$top_dir"/docs/*.md
	pack
}

# licences MODULE...: of what is linked into a program.
licences() {
	(cd "$top_dir" && scripts/go.sh version -m "$1" | awk '$1 == "dep" { print $2 }' |
		while read -r dep; do
			echo "== $dep"
			cat "$(scripts/go.sh list -m -f '{{.Dir}}' "$dep")"/LICENSE*
		done
		echo "== Go"
		cat "$(scripts/go.sh env GOROOT)/LICENSE") | gzip -9n
}

# go_package PACKAGE ARCHITECTURE
go_package() {
	local page part
	arch=$2 module='' config=''
	begin "$1" "$arch"
	mkdir "$stage/bin" "$stage/man"
	(cd "$top_dir" && GOARCH=$arch CGO_ENABLED=0 scripts/go.sh build -trimpath -buildvcs=false \
		-ldflags="-s -w -buildid= $(version_flag "$version")" -o "$stage/bin/" "./cmd/$1")
	documents
	licences "$stage/bin/$1" >"$stage/doc/licences.gz"
	for page in "$top_dir/docs/$1"*.8; do gzip -9nc "$page" >"$stage/man/${page##*/}.gz"; done
	if [ "$1" = ipvsadm-go ]; then
		cp "$top_dir"/scripts/ipvsadm-go-{save,restore} "$stage/bin/"
		cp -r "$top_dir/scripts/completion" "$stage/completion"
	fi
	for part in deb-preinst deb-postinst deb-prerm deb-postrm rpm-post rpm-preun rpm-postun; do
		script "$part" "$here/$1/$part"
	done
	pack
}

nfpm=$(nfpm_path)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
rm -f "$out"/*.deb "$out"/*.rpm
for row in "${dkms_packages[@]}"; do
	# shellcheck disable=SC2086  # three words
	dkms_package $row
done
for name in "${go_packages[@]}"; do
	for arch in "${architectures[@]}"; do go_package "$name" "$arch"; done
done
(cd "$out" && ls -- *.deb *.rpm)
