#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-completion.sh: what bash and zsh offer behind lines of ipvsadm-go. Each
# shell completes by itself; only the tables are made up, as there is no IPVS here.
set -eu
cd "$(dirname "$0")/.."
folder=$PWD/scripts/completion

stub=$(mktemp -d)
trap 'rm -rf "$stub"' EXIT
cat >"$stub/ipvsadm-go" <<'END'
#!/bin/sh
echo "-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -b -w 1
-A -t [2001:db8::1]:80 -s rr
-A -f 7 -s rr
-P -t 10.0.0.1:80 -z 10.0.0.9
-K --zone 10.0.0.0/8"
END
chmod +x "$stub/ipvsadm-go"
ln -s ipvsadm-go "$stub/ipvsadm"
PATH=$stub:$PATH

# in_bash LINE, in_zsh LINE: what is offered, a word on a line.
in_bash() {
	# shellcheck disable=SC2016 # for the other bash
	bash --norc -c '. "$0/ipvsadm-go.bash"
		COMP_LINE=$1 COMP_POINT=${#1}
		$(complete -p "${1%% *}" | sed "s/.* -F \([^ ]*\) .*/\1/")
		printf "%s\n" "${COMPREPLY[@]}"' "$folder" "$1"
}

in_zsh() { timeout 60 zsh -f test/completion/capture.zsh "$folder" "$1"; }

failed=0
program=ipvsadm-go

# offers LINE WORD...: both shells offer all of the words.
offers() {
	local line="$program $1" shell word got
	shift
	for shell in bash zsh; do
		got=$(in_$shell "$line") || true
		for word in "$@"; do
			grep -qxF -- "$word" <<<"$got" || {
				echo "$shell does not offer $word behind '$line', but:" "${got//$'\n'/ }"
				failed=1
			}
		done
	done
}

# Every command of the help, and what goes with a command of each kind.
mapfile -t commands < <(sed -n 's/^	{"\(--[a-z-]*\) *\(-[A-Za-z|-]*\)\?".*/\1/p; s/^	{"\(--set\|--drain\|--start-daemon\|--stop-daemon\)\b.*/\1/p' internal/cli/help.go | sort -u)
[ ${#commands[@]} -gt 20 ] || { echo "found no commands in the help"; exit 1; }
offers "--" "${commands[@]}"
offers "-A -" --tcp-service --scheduler --persistent --sched-flags --synproxy --pe
offers "-a -t 10.0.0.1:80 -" --real-server --fullnat --weight --tun-type --u-threshold
offers "-L -" --numeric --stats --json --local --tun-info
offers "-R -" --atomic --dry-run
offers "-P -" --laddr --zone
offers "-U -" --laddr --zone
offers "-G -" --json --zone
offers "--start-daemon master -" --syncid --mcast-interface --sync-maxlen

# Values: fixed ones, and those of the tables.
offers "-A -s " rr wlc mh ovf
offers "-A -s w" wrr wlc
offers "-A -j " enable disable
offers "-A -s sh -b " sh-port sh-fallback
offers "-a --tun-type " ipip gue gre
offers "--start-daemon " master backup
offers "-E -f " 7
offers "-a -t 10.0.0.1:80 -r " 10.1.0.1:8080
offers "-P -z " 10.0.0.9
offers "-V --zone " 10.0.0.0/8
offers "-E -t " 10.0.0.1:80

# The name that the packages give it.
program=ipvsadm
offers "-a -t 10.0.0.1:80 -r " 10.1.0.1:8080

[ $failed -eq 0 ] || exit 1
echo "completion: bash $(bash -c 'echo "$BASH_VERSION"') and zsh $(zsh -fc 'echo $ZSH_VERSION') offer what they should"
