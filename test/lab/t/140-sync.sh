# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Stock's sync daemon between two directors, and the master going away: what the
# backup knows of FULLNAT connections, and what becomes of them there. Sync
# messages have no room for a local address and port: TCP connections are refused
# with RST, UDP flows are bound anew. docs/sync.md draws the conclusions.
#
#             .- eth0 -- director -- eth0 -.
#   client ---+             | sync0        +--- rs1
#             '- eth1 --  backup  -- eth1 -'
# timeout: 480

setup_lab
serve "$rs1" rs1
master=$director
give_up_soon "$client" "$rs1"
own_lip4=10.0.8.1 own_lip6=2001:db8:a8::1

# --- the second director -----------------------------------------------------

setup_ns backup
forward_in "$backup"
set_addresses "$backup" lo "$vip4/32" "$vip6/128" "$lip4/32" "$lip6/128" "$own_lip4/32" "$own_lip6/128"
link "$client" eth1 "$backup" cl
set_addresses "$client" eth1 192.0.3.10/24 2001:db8:c3::10/64
set_addresses "$backup" cl 192.0.3.1/24 2001:db8:c3::1/64
set_routes "$backup" 192.0.3.10 2001:db8:c3::10 "$client_ip4/32" "$client_ip6/128"
link "$rs1" eth1 "$backup" rs1
set_addresses "$rs1" eth1 10.1.1.11/24 2001:db8:11::11/64
set_addresses "$backup" rs1 10.1.1.1/24 2001:db8:11::1/64
set_routes "$backup" 10.1.1.11 2001:db8:11::11 "$rs1_ip4/32" "$rs1_ip6/128"

# server_route LIP VIA: how rs1 answers a local address. With two wires it would
# else send datagrams from the address of the other one.
server_route() {
	local family=4 bits=32
	case $1 in *:*) family=6 bits=128 ;; esac
	in_ns "$rs1" ip -$family route replace "$1/$bits" via "$2" src "$(addr rs1_ip $family)"
}
server_route $own_lip4 10.1.1.1
server_route $own_lip6 2001:db8:11::1

link "$master" sync0 "$backup" sync0
set_addresses "$master" sync0 172.16.0.1/24
set_addresses "$backup" sync0 172.16.0.2/24
for role in master backup; do
	check "the sync daemon starts as $role" \
		in_ns "${!role}" ipvsadm --start-daemon $role --mcast-interface sync0 --syncid 7
done

# on NS COMMAND...: with NS as the director that lib.sh's functions ask.
on() {
	# shellcheck disable=SC2034 # in_ns "$director"
	local director=$1
	shift
	"$@"
}

# configure NS LIP4 LIP6: TCP 80 and UDP 53 of the vips, with rs1.
configure() {
	local proto family
	on "$1" ipvs -C
	for family in 4 6; do
		for proto in -t:80 -u:53; do
			on "$1" ipvs -R <<-END
				-A ${proto%:*} $(svc $family "${proto#*:}") -s rr
				-a ${proto%:*} $(svc $family "${proto#*:}") -r $(rs 1 $family "${proto#*:}") -b
				-P ${proto%:*} $(svc $family "${proto#*:}") -z $([ $family = 4 ] && echo "$2" || echo "$3")
			END
		done
	done
}

# take_over master|backup: the vips, and the local addresses of the master, are
# that director's from now on.
take_over() {
	local via=(192.0.2.1 2001:db8:c::1 10.0.1.1 2001:db8:1::1)
	[ "$1" = master ] || via=(192.0.3.1 2001:db8:c3::1 10.1.1.1 2001:db8:11::1)
	in_ns "$client" ip route replace "$vip4/32" via "${via[0]}"
	in_ns "$client" ip route replace "$vip6/128" via "${via[1]}"
	server_route "$lip4" "${via[2]}"
	server_route "$lip6" "${via[3]}"
}

# keep 4|6 PORT: a TCP connection from that port of the client, in use until it
# breaks; the port's name is keepPORT.
keep() {
	start_in "$client" "keep$2" labnet keep -n 1 -interval 200ms -timeout $((5 * LAB_SLOW))s \
		-bind "$(host "$(addr client_ip "$1")"):$2" "$(svc "$1" 80)"
	wait_log "keep$2" READY
}

# synced 4|6 PORT TEXT: the backup lists a connection from that port.
synced() {
	on "$backup" ipvs -Lnc | grep -q "$(regex "$(host "$(addr client_ip "$1")")"):$2 .*$3"
}

# bound NS PORT: lines of bound connections from that port of the client.
bound() {
	on "$1" fullnat_conns "[^ ]:$2 "
}

# --- a backup with local addresses of its own --------------------------------

configure "$master" "$lip4" "$lip6"
configure "$backup" "$own_lip4" "$own_lip6"
take_over master
for family in 4 6; do
	keep $family 4001$family
	check "IPv$family: a flow by the master" in_ns "$client" labnet udp-echo -count 3 -bind "$(host "$(addr client_ip $family)"):4002$family" "$(svc $family 53)"
	poll_until 10 "IPv$family: the backup learns of the TCP connection" synced $family 4001$family "$(regex "$(rs 1 $family 80)")"
	poll_until 10 "IPv$family: and of the UDP flow" synced $family 4002$family "$(regex "$(rs 1 $family 53)")"
	expect_eq "IPv$family: it binds neither" "" "$(bound "$backup" "400[12]$family")"
done
poll_until 5 "the backup counts them at the real server" eval 'on "$backup" ipvs -Ln | grep -Eq -- "-> $rs1_ip4:80 +FullNat 1 +1 +0"'
expect_eq "the backup has translated nothing" "0 0" "$(counter "$backup" fullnat_conn_bound) $(counter "$backup" fullnat_in_pkts)"

# refused 4|6 PORT: labnet keep from there ends at once, by RST.
refused() {
	wait_log "keep$2" '"failed":1' 15
	expect_match "IPv$1: the client is told at once that its connection is gone" 'reset by peer' "$(cat "$lab_tmp/keep$2.log")"
	finish "keep$2" || true
}

# forgotten 4|6 PORT: the backup lists no connection from there any more.
forgotten() {
	! synced "$1" "$2" .
}

# What the real server sends late the host itself refuses, as without the module.
capture_start "$backup" rs1 late "tcp and dst $rs1_ip4 and tcp[13] & 4 = 0 or ip6 proto 6 and dst $rs1_ip6 and ip6[53] & 4 = 0"
told=$(counter "$backup" fullnat_rst_client)
late=$(counter "$backup" fullnat_no_syn)
# A message of the master's could bring back what the backup has forgotten.
in_ns "$master" ipvsadm --stop-daemon master
take_over backup
for family in 4 6; do
	refused $family 4001$family
	poll_until 5 "IPv$family: the backup forgets the connection" forgotten $family 4001$family
done
in_ns "$master" ipvsadm --start-daemon master --mcast-interface sync0 --syncid 7
expect_within "each refused segment is counted" 2 20 $(($(counter "$backup" fullnat_no_syn) - late))
expect_eq "and answered" $(($(counter "$backup" fullnat_no_syn) - late)) $(($(counter "$backup" fullnat_rst_client) - told))
capture_stop late >"$lab_tmp/late.txt"
expect_eq "none of them reaches the real server" "" "$(cat "$lab_tmp/late.txt")"
for family in 4 6; do
	own=own_lip$family
	own=$(host "${!own}")
	expect_eq "IPv$family: the refused connection took no local port" "" "$(bound "$backup" 4001$family)"
	expect_match "IPv$family: a new connection is served" "^rs1 peer=$(regex "$own"):" "$(web $family)"
	check "IPv$family: the UDP flow goes on" in_ns "$client" labnet udp-echo -bind "$(host "$(addr client_ip $family)"):4002$family" "$(svc $family 53)"
	expect_match "IPv$family: from a local address of the backup" " $(regex "$own"):" "$(bound "$backup" 4002$family)"
done

# --- a backup that has no such real server -----------------------------------

take_over master
on "$backup" ipvs -C
for family in 4 6; do
	keep $family 4003$family
	poll_until 10 "IPv$family: a backup without the service learns of the connection" synced $family 4003$family .
done
take_over backup
for family in 4 6; do
	refused $family 4003$family
done

# --- the same local address, and by chance the same port ---------------------

for ns in "$master" "$backup"; do
	set_sysctl "$ns" net.ipv4.vs.fullnat_lport_min=20000 net.ipv4.vs.fullnat_lport_max=20000
done
configure "$master" "$lip4" "$lip6"
configure "$backup" "$lip4" "$lip6"
take_over master
for family in 4 6; do
	keep $family 4004$family
	expect_match "IPv$family: the master has the only port" ":20000 " "$(bound "$master" 4004$family)"
	poll_until 10 "IPv$family: the backup learns of it" synced $family 4004$family .
done
# received 4|6: bytes that the real server's program got on that connection.
received() {
	in_ns "$rs1" ss -Htin "dport = :20000 and dst $(host "$(lip 1 "$1")")" | sed -n 's/.*bytes_received:\([0-9]*\).*/\1/p'
}

# quiet 4|6: rs1 has read and answered all, and what it sent is acknowledged.
quiet() {
	[ "$(in_ns "$rs1" ss -Htn state established "dport = :20000 and dst $(host "$(lip 1 "$1")")" | awk '{ print $1, $2 }')" = "0 0" ] &&
		[ "$(in_ns "$client" ss -Htn state established "sport = :4004$1" | awk '{ print $2 }')" = 0 ]
}

# Not in the middle of a request: rs1 would send its answer once more, to the
# backup, and lose the connection by that.
for family in 4 6; do kill -s STOP "${lab_pid[keep4004$family]}"; done
for family in 4 6; do poll_until 5 "IPv$family: the connection is idle for a while" quiet $family; done
take_over backup
for family in 4 6; do
	eval "before$family=$(received $family)"
	expect_match "IPv$family: the real server has the connection" '^[1-9]' "$(received $family)"
done
for family in 4 6; do kill -s CONT "${lab_pid[keep4004$family]}"; done
for family in 4 6; do
	refused $family 4004$family
	before=before$family
	expect_eq "IPv$family: the backup did not bind it to the same port" "" "$(bound "$backup" 4004$family)"
	expect_eq "IPv$family: the real server has got none of its segments" "${!before}" "$(received $family)"
	expect_match "IPv$family: a new connection from that port is served" '^rs1' \
		"$(in_ns "$client" labnet peer -bind "$(host "$(addr client_ip $family)"):4004$family" "$(svc $family 80)")"
done

# --- a connection that had ended, and SYNPROXY on the backup -----------------

for ns in "$master" "$backup"; do
	set_sysctl "$ns" net.ipv4.vs.fullnat_lport_max=20099
done
configure "$master" "$lip4" "$lip6"
configure "$backup" "$own_lip4" "$own_lip6"
# ended 4|6 PORT: so the backup lists it.
ended() {
	on "$backup" ipvs -Lnc | grep -Eq "(TIME_WAIT|CLOSE) +$(regex "$(host "$(addr client_ip "$1")"):$2") "
}
take_over master
for family in 4 6; do
	on "$backup" ipvs -E -t "$(svc $family 80)" -s rr -j enable
	check "IPv$family: a connection comes, and goes by RST" in_ns "$client" labnet conns -n 1 -request -reset \
		-bind "$(host "$(addr client_ip $family)"):4005$family" "$(svc $family 80)"
	poll_until 10 "IPv$family: the backup learns that it has ended" ended $family 4005$family
done
take_over backup
for family in 4 6; do
	proxied=$(counter "$backup" synproxy_spliced)
	expect_match "IPv$family: the backup proxies a new one from that port" '^rs1' \
		"$(in_ns "$client" labnet peer -bind "$(host "$(addr client_ip $family)"):4005$family" "$(svc $family 80)")"
	expect_eq "IPv$family: by a cookie" 1 $(($(counter "$backup" synproxy_spliced) - proxied))
done

for role in master backup; do
	check "the $role's sync daemon stops" in_ns "${!role}" ipvsadm --stop-daemon $role
done
