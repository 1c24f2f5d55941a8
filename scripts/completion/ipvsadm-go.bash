# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of ipvsadm-go for bash. Install as
# /usr/share/bash-completion/completions/ipvsadm-go.

# _ipvsadm_go_saved FIELD: words behind an option in the saved table, such as
# the services of -t.
_ipvsadm_go_saved() {
	"${words[0]}" -Sn 2>/dev/null | sed -n "s/.* $1 \([^ ]*\).*/\1/p" | sort -u
}

# _ipvsadm_go_value OPTION: the values that an option can have; fails for an
# option without a value.
_ipvsadm_go_value() {
	case $1 in
	-t | --tcp-service) _ipvsadm_go_saved -t ;;
	-u | --udp-service) _ipvsadm_go_saved -u ;;
	--sctp-service) _ipvsadm_go_saved --sctp-service ;;
	-f | --fwmark-service) _ipvsadm_go_saved -f ;;
	-r | --real-server) _ipvsadm_go_saved -r ;;
	-z | --laddr) _ipvsadm_go_saved -z ;;
	--zone) _ipvsadm_go_saved --zone ;;
	-s | --scheduler)
		case ${words[1]} in
		-K* | --add-zone | --edit-zone) echo rr sh sdh ;;
		*) echo rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh ;;
		esac
		;;
	-j | --synproxy) echo enable disable ;;
	-M | --netmask) echo 255.255.255.0 255.255.0.0 64 48 ;;
	--pe) echo sip ;;
	--sched-flags) echo sh-fallback sh-port mh-fallback mh-port flag-1 flag-2 flag-3 ;;
	--tun-type) echo ipip gue gre ;;
	--start-daemon | --stop-daemon) echo master backup ;;
	--mcast-interface) ls /sys/class/net ;;
	-w | --weight | -x | --u-threshold | -y | --l-threshold | --tun-port | --syncid | --mcast-group | --mcast-port | --mcast-ttl | --sync-maxlen | --limit) ;;
	-b) case ${words[1]} in -A* | -E* | --add-service | --edit-service) _ipvsadm_go_value --sched-flags ;; *) return 1 ;; esac ;;
	*) return 1 ;;
	esac
}

# _ipvsadm_go_options COMMAND: the options that go with a command.
_ipvsadm_go_options() {
	local service='--tcp-service --udp-service --sctp-service --fwmark-service --ipv6'
	case $1 in
	-A* | -E* | --add-service | --edit-service)
		echo "$service --scheduler --persistent --netmask --pe --ops --sched-flags --synproxy" ;;
	-a* | -e* | --add-server | --edit-server)
		echo "$service --real-server --gatewaying --ipip --masquerading --fullnat --weight --u-threshold --l-threshold --tun-type --tun-port --tun-nocsum --tun-csum --tun-remcsum" ;;
	-d* | --delete-server) echo "$service --real-server" ;;
	-D* | -Z* | --delete-service | --zero) echo "$service" ;;
	-L* | -l* | --list)
		echo "$service --numeric --connection --timeout --daemon --stats --rate --exact --thresholds --persistent-conn --tun-info --nosort --sort --json --local" ;;
	-S* | --save) echo --numeric ;;
	-R* | --restore) echo --atomic --dry-run ;;
	-P* | -Q* | --add-laddr | --del-laddr) echo "$service --zone --laddr" ;;
	-U* | -W* | --add-laddr-zone | --del-laddr-zone) echo --zone --laddr ;;
	-K* | --add-zone | --edit-zone) echo --zone --scheduler --limit ;;
	-V* | --del-zone) echo --zone ;;
	--snat-log) echo --json --numeric ;;
	-G* | --get-laddr) echo "$service --zone --json" ;;
	--start-daemon) echo --syncid --sync-maxlen --mcast-interface --mcast-group --mcast-port --mcast-ttl ;;
	--stop-daemon) echo --syncid ;;
	esac
}

_ipvsadm_go() {
	# Readline parts addresses at their colons; these words are whole.
	local line=${COMP_LINE:0:COMP_POINT} words cur found prefix
	local commands='--add-service --edit-service --delete-service --clear --restore --save --add-server --edit-server --delete-server --list --zero --add-laddr --del-laddr --get-laddr --add-zone --edit-zone --del-zone --add-laddr-zone --del-laddr-zone --drain --snat-log --set --start-daemon --stop-daemon --help --version'
	read -ra words <<<"$line"
	case $line in *[[:blank:]]) words+=("") ;; esac
	cur=${words[-1]}
	if [ "${#words[@]}" -le 2 ]; then
		found=$commands
	elif ! found=$(_ipvsadm_go_value "${words[-2]}"); then
		found=$(_ipvsadm_go_options "${words[1]}")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$found" -- "$cur")
	# What stands before a colon is on the line already.
	prefix=${cur%"${cur##*:}"}
	case $COMP_WORDBREAKS in *:*) COMPREPLY=("${COMPREPLY[@]#"$prefix"}") ;; esac
}
complete -F _ipvsadm_go ipvsadm-go ipvsadm
