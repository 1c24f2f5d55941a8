# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The demo: FULLNAT at work in the lab's network, each step with the command that
# a user would type. Every step is checked; the first that fails ends the demo
# with a status of 1. "make demo" runs it in the guest, behind lib.sh.
. /lab/demo/legs.sh

demo_checks=0
demo_line=0
# The last command's output.
out=

title() {
	printf '\n== %s %s\n\n' "$1" "$(printf '=%.0s' $(seq 1 $((86 - ${#1}))))"
}

say() {
	printf '%s\n' "$@"
}

# output: the last command's, set off.
output() {
	[ -z "$out" ] || printf '%s\n' "$out" | sed 's/^/  /'
}

# must DESCRIPTION COMMAND...: a claim, and what proves it.
must() {
	local description=$1
	shift
	if ! "$@" >/dev/null; then
		echo "  [FAILED] $description"
		return 1
	fi
	demo_checks=$((demo_checks + 1))
	echo "  [ok] $description"
}

# has REGEX: some line of the last output matches; has_not: none does.
has() {
	grep -Eq -- "$1" <<<"$out"
}

has_not() {
	! has "$1"
}

# prompt NAME WORD...: as it would look at a terminal.
prompt() {
	local word line="$1#"
	shift
	for word in "$@"; do
		case $word in
		*[\ %\{\|]*) line+=" '${word//$'\n'/\\n}'" ;;
		*) line+=" $word" ;;
		esac
	done
	printf '%s\n' "$line"
}

# on NAME COMMAND...: types the command in that namespace; it has to succeed.
on() {
	local name=$1 status=0
	shift
	prompt "$name" "$@"
	out=$(in_ns "${!name}" "$@" 2>&1) || status=$?
	output
	[ $status -eq 0 ] || echo "  [FAILED] exit status $status"
	return $status
}

# on_refused NAME COMMAND...: the same, and it has to fail.
on_refused() {
	local name=$1
	shift
	prompt "$name" "$@"
	if out=$(in_ns "${!name}" "$@" 2>&1); then
		echo "  [FAILED] it was to be refused: $out"
		return 1
	fi
	output
}

# show COMMAND...: something that is computed from what was captured.
show() {
	out=$("$@")
	output
}

end_demo() {
	local status=$?
	trap - ERR
	set +e
	cleanup 2>/dev/null
	[ $status -eq 0 ] || printf '\nDEMO FAILED (line %s)\n' "$demo_line"
	exit $status
}

picture() {
	cat <<-END
	   client                      director                           real servers
	  +------------------+        +-----------------------+          +-----------------+
	  | cip 192.0.2.10   |        | vip 198.51.100.10     |     .----| rs1  10.0.1.11  |
	  |                  |--------|                       |-----'    +-----------------+
	  | 2001:db8:c::10   |        | lip 10.0.0.1          |-----.    +-----------------+
	  +------------------+        |     (local address)   |     '----| rs2  10.0.2.12  |
	                              +-----------------------+          +-----------------+

	      cip -> vip    ------------->  becomes  ------------->   lip -> rs
	      vip -> cip    <-------------  becomes  <-------------   rs  -> lip

	  Both addresses of each packet change, in both directions. The real server answers
	  to the director's local address: it needs no default route and no route to clients.
	END
}

# --- the steps -------------------------------------------------------------

network() {
	title "The network"
	picture
	setup_lab
	serve_everywhere 2>/dev/null
	say ""
	on rs1 ip route
	must "rs1 has no default route" has_not default
	on_refused rs1 ip route get "$client_ip4"
	must "rs1 cannot reach the client" has unreachable
}

configure() {
	title "Configuration of the director"
	say "An unmodified $(uname -r), its own ip_vs, and one module on top:"
	say ""
	on director cat /sys/module/ip_vs_fullnat/version
	on director ipvsadm-go -A -t "$vip4:80" -s rr
	on director ipvsadm-go -P -t "$vip4:80" -z "$lip4"
	on director ipvsadm-go -a -t "$vip4:80" -r "$rs1_ip4:80" -b
	on director ipvsadm-go -a -t "$vip4:80" -r "$rs2_ip4:80" -b
	on director ipvsadm-go -A -u "$vip4:53" -s rr
	on director ipvsadm-go -P -u "$vip4:53" -z "$lip4"
	on director ipvsadm-go -a -u "$vip4:53" -r "$rs1_ip4:53" -b
	say ""
	on director ipvsadm-go -Ln
	must "both real servers are there, by FULLNAT" has "$rs2_ip4:80 +FullNat"
}

# The page says whom the real server sees.
http() {
	title "HTTP"
	watch_legs http "tcp port 80"
	on client curl --local-port 40001 "http://$vip4/"
	must "the answer is a real server's" has '^rs[12] '
	must "which sees the local address as its peer" has "peer=$(regex "$lip4"):[0-9]+ local=10\.0\.[12]\.1[12]:80$"
	must "and not the client" has_not "$(regex "$client_ip4")"
	first=${out%% *}
	wait_until 10 eval 'seen http 4 "tcp[13] & 1 = 1"' || true
	stop legs-http || true
	say ""
	show ends http
	say "" "The four legs of that connection, as tcpdump on the director sees them:" ""
	show legs http
	must "client -> director is client to vip" has "^client -> director +$client_ip4:40001 +$vip4:80 +SYN "
	must "director -> $first is local address to real server" has "^director -> $first +$lip4:[0-9]+ +$(addr "${first}_ip" 4):80 +SYN "
	must "$first -> director is real server to local address" has "^$first -> director +$(addr "${first}_ip" 4):80 +$lip4:[0-9]+ +SYN ACK "
	must "director -> client is vip to client" has "^director -> client +$vip4:80 +$client_ip4:40001 +SYN ACK "
	must "no address leaks to the other side" has_not "^(client|.*-> client) .*10\.0\.|$first.*$client_ip4"
	must "it was closed by both sides" test "$(grep -c ' FIN' <<<"$out")" -eq 4
	must "the SYN to $first has grown by the option TOA, see below" has "^director -> $first .* SYN +0  TOA$"
	say "" "The other real server has its turn:" ""
	on client curl "http://$vip4/"
	must "round robin" has_not "^$first "
}

toa() {
	title "The client's address, for real servers that want to know it (TOA)"
	say "The SYN to $first, and what follows until the client has acknowledged data, carry"
	say "the client's address in a TCP option:"
	say ""
	show toa_of http 4
	must "it is the client's" test "$out" = "kind 254 length 8 port 40001 address $client_ip4"
}

udp() {
	title "UDP: datagrams as large as DNS has them"
	watch_legs udp "udp port 53"
	on client labnet udp-echo -bind "$client_ip4:40053" -size 64 -count 2 "$vip4:53"
	wait_until 10 seen udp 8 || true
	stop legs-udp || true
	say ""
	show ends udp -q
	say ""
	show legs udp -q
	must "each datagram went there and came back, by the local address" test "$(grep -c UDP <<<"$out")" -eq 8
	must "rs1 saw the local address" has "^director -> rs1 +$lip4:[0-9]+ +$rs1_ip4:53 +UDP +64"
	must "the client saw the vip" has "^director -> client +$vip4:53 +$client_ip4:40053 +UDP +64"
}

lists() {
	title "What the director knows"
	on director ipvsadm-go -Lnc
	must "connections, as stock lists them" has "$client_ip4:40001 +$vip4:80 +10\.0"
	say ""
	on director ipvsadm-go -Lnc --local
	must "with their local address and port" has "$client_ip4:40001 +$vip4:80 +$lip4:[0-9]+ +10\.0"
	say ""
	on director ipvsadm-go -G
	must "local addresses, and how many connections use each" has "^ +$lip4 +0 +2"
	say ""
	on director ipvsadm-go -Ln --stats
	must "packets and bytes of both directions" has "^TCP +$vip4:80 +2 +[1-9][0-9]* +[1-9][0-9]* +[1-9][0-9]* +[1-9]"
}

ipv6() {
	local vip="[$vip6]:80"
	title "IPv6: the same"
	on director ipvsadm-go -A -t "$vip" -s rr
	on director ipvsadm-go -P -t "$vip" -z "$lip6"
	on director ipvsadm-go -a -t "$vip" -r "[$rs1_ip6]:80" -b
	watch_legs ipv6 "ip6 and tcp port 80"
	on client curl --local-port 40006 "http://[$vip6]/"
	must "rs1 sees the local address" has "^rs1 peer=\[$lip6\]:"
	wait_until 10 eval 'seen ipv6 4 "ip6[53] & 1 = 1"' || true
	stop legs-ipv6 || true
	say "" "Its handshake:" ""
	show legs ipv6 -c 6
	must "four legs" test "$(sed -n '2,$s/  .*//p' <<<"$out" | sort -u | wc -l)" -eq 4
	show toa_of ipv6 6
	must "with the client's address" test "$out" = "kind 253 length 20 port 40006 address $client_ip6"
}

# What must not have happened.
refusals='no_service|no_laddr|no_port|no_mem|bad_|draining|unbound|no_route|_exceeded|defrag_fail'

counters() {
	title "Counters"
	say "Every packet and connection that is refused moves one of these by its reason:"
	say ""
	say "director# cat /proc/net/ip_vs_ext_stats          (those that are not 0, summed over the CPUs)"
	show in_ns "$director" awk '{ s = 0; for (i = 2; i <= NF; i++) s += $i } NR > 1 && s { printf "%-32s %6d\n", $1, s }' /proc/net/ip_vs_ext_stats
	must "four connections were bound" has "^fullnat_conn_bound +4$"
	must "the TOA option was added" has "^fullnat_add_toa_ok +[1-9]"
	must "nothing was refused" has_not "$refusals"
}

# Connections of a namespace end with it, and hold the module until then.
removal() {
	title "Removal"
	on director ipvsadm-go -C
	on director ipvsadm-go -Ln
	must "the table is empty" has_not "$vip4"
	cleanup 2>/dev/null
	say "host# rmmod ip_vs_fullnat"
	must "the module goes when its last connection has ended" wait_until 20 rmmod ip_vs_fullnat
	must "the kernel's log has no warning" eval '! dmesg | grep -E "WARNING:|BUG:|Oops|refcount_t:"'
}

set -euE
# What would only be in the way of reading the commands.
printf '%s\n' silent show-error 'max-time = 10' >"$lab_tmp/.curlrc"
export CURL_HOME=$lab_tmp
trap 'demo_line=$LINENO' ERR
trap end_demo EXIT
network
configure
http
toa
udp
lists
ipv6
counters
removal
printf '\nFULLNAT WORKS on Linux %s: %s checks passed.\n' "$(uname -r)" "$demo_checks"
