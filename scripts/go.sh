#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# go.sh ARGS...: runs the go command with a toolchain that is new enough for
# go.mod. Where there is none, Debian's golang-go is installed and the toolchain
# comes as a module by the Go proxy, checked against the checksum database, as
# Go does it by itself from 1.21 on.
set -eu

top_dir=$(cd "$(dirname "$0")/.." && pwd)
wanted=$(awk '$1 == "go" { print $2 }' "$top_dir/go.mod")
case $wanted in *.*.*) ;; *) wanted=$wanted.0 ;; esac
PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin
cache_dir=${IPVS_FULLNAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ipvs-fullnat}

die() {
	echo "go.sh: $*" >&2
	exit 1
}

# is_enough VERSION: not older than what go.mod wants.
is_enough() {
	[ "$(printf '%s\n%s\n' "$wanted" "$1" | sort -V | head -n 1)" = "$wanted" ]
}

# version_of GO: its own version, whatever go.mod would have it switch to.
version_of() {
	(cd / && GOTOOLCHAIN=local "$1" version 2>/dev/null) | sed -n 's/^go version go\([0-9.]*\).*/\1/p'
}

install_go() {
	[ "$(id -u)" -eq 0 ] || die "no Go here, and only root can install Debian's golang-go"
	"$top_dir/scripts/install-deps.sh" golang-go >&2
}

# unpack_toolchain: the wanted toolchain by an old go. The module is a zip with
# everything below golang.org/toolchain@VERSION/.
unpack_toolchain() {
	local work module dir
	module=golang.org/toolchain@v0.0.1-go$wanted.linux-$(dpkg --print-architecture)
	echo "go.sh: getting Go $wanted as a module" >&2
	work=$(mktemp -d)
	# Outside any module: an old go would refuse our go.mod.
	dir=$(cd "$work" && GOFLAGS=-mod=mod GOTOOLCHAIN=local go mod download -json "$module" |
		sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
	rm -rf "$work"
	[ -d "$dir" ] || die "the Go proxy did not give $module"
	rm -rf "$toolchain.new"
	cp -r "$dir" "$toolchain.new"
	# The module cache drops the execute bits.
	chmod -R u+w "$toolchain.new"
	find "$toolchain.new/bin" "$toolchain.new/pkg/tool" -type f -exec chmod 755 {} +
	mv "$toolchain.new" "$toolchain"
}

if ! command -v go >/dev/null; then install_go; fi
# Without its generator of documents urfave/cli spares the tool half a
# millisecond at every start, a third of what its initialisation takes.
export GOFLAGS="${GOFLAGS:+$GOFLAGS }-tags=urfave_cli_no_docs"
if is_enough "$(version_of go)"; then exec go "$@"; fi

toolchain=$cache_dir/go$wanted
if [ ! -x "$toolchain/bin/go" ]; then
	mkdir -p "$cache_dir"
	exec 9>"$toolchain.lock"
	flock 9
	[ -x "$toolchain/bin/go" ] || unpack_toolchain
	exec 9>&-
fi
export PATH=$toolchain/bin:$PATH GOTOOLCHAIN=local
unset GOROOT
exec go "$@"
