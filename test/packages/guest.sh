#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# guest.sh: runs in the machine that is tested, once in each boot, as the last unit
# of multi-user.target; which stage is next lies in /lab/stages. What is found goes
# to a serial port of its own: "ok TEXT", "not ok TEXT", "boot RELEASE", "end".
set -u
cd /lab || exit 1
exec </dev/null
log=/lab/log
vip4=198.51.100.10 vip6=2001:db8:f::10 lip4=10.0.0.1 lip6=2001:db8:a::1

report() {
	echo "$*" >/dev/ttyS1
	sync
}

# check TEXT COMMAND...: its output is told when it fails.
check() {
	local text=$1
	shift
	if "$@" >"$log" 2>&1; then
		report "ok $text"
	else
		report "not ok $text"
		sed 's/^/    /' "$log" | tail -n 40 >/dev/ttyS1
		failed=1
	fi
}

not() {
	! "$@"
}

# until_true SECONDS COMMAND...: the deadline is for an emulated machine.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 1
	done
}

# install_debs FILE|NAME...: modules that were built elsewhere go where DKMS looks for
# them.
install_debs() {
	local archive name
	for archive in "${1%/*}"/*.dkms.tar.gz; do
		[ -e "$archive" ] || continue
		name=${archive##*/}
		install -D "$archive" "/usr/share/${name%-[0-9]*}/$name"
	done
	apt-get install -y -o Dpkg::Options::=--force-confold "$@"
}

# network: the director is the machine itself; client and real server are namespaces
# on wires of their own. The real server has a route to the local addresses alone.
network() {
	local ns
	for ns in client rs; do
		ip netns add $ns
		ip link add $ns type veth peer name eth0 netns $ns
		ip -n $ns link set lo up
		ip -n $ns link set eth0 up
		ip link set $ns up
	done
	ip address add 192.0.2.1/24 dev client
	ip address add 2001:db8:c::1/64 dev client nodad
	ip address add 10.0.1.1/24 dev rs
	ip address add 2001:db8:1::1/64 dev rs nodad
	ip -n client address add 192.0.2.10/24 dev eth0
	ip -n client address add 2001:db8:c::10/64 dev eth0 nodad
	ip -n rs address add 10.0.1.11/24 dev eth0
	ip -n rs address add 2001:db8:1::11/64 dev eth0 nodad
	ip -n client route add default via 192.0.2.1
	ip -n client route add ::/0 via 2001:db8:c::1
	ip -n rs route add 10.0.0.0/24 via 10.0.1.1
	ip -n rs route add 2001:db8:a::/64 via 2001:db8:1::1
	ip link set lo up
	ip address add $vip4/32 dev lo
	ip address add $vip6/128 dev lo nodad
	ip address add $lip4/32 dev lo
	ip address add $lip6/128 dev lo nodad
	sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip netns exec rs ./labnet serve >/lab/serve.log 2>&1 &
	until_true 60 ip netns exec rs curl -s -o /dev/null http://10.0.1.11/
}

configure() {
	local vip rs lip
	for vip in "$vip4 10.0.1.11 $lip4" "[$vip6] [2001:db8:1::11] $lip6"; do
		read -r vip rs lip <<<"$vip"
		ipvsadm -A -t "$vip:80" -s wrr &&
			ipvsadm -P -t "$vip:80" -z "$lip" &&
			ipvsadm -a -t "$vip:80" -r "$rs:80" -b || return 1
	done
}

# page ADDRESS: what the real server says of who asks.
page() {
	ip netns exec client curl -s -S --max-time 30 "http://$1/" | tee /lab/page
}

counter() {
	awk -v n="$1" '$1 == n { for (i = 2; i <= NF; i++) s += $i } END { print s + 0 }' /proc/net/ip_vs_ext_stats
}

# flows EXPECTED4 EXPECTED6: both families come through FULLNAT, and the real server
# names these as its peers.
flows() {
	local before
	before=$(counter fullnat_conn_bound)
	page $vip4 | grep -qF "$1" && page "[$vip6]" | grep -qF "$2" &&
		[ "$(counter fullnat_conn_bound)" -ge $((before + 2)) ]
}

# documented: the commands of the quick starts, as they are written, each page upon an
# empty table.
documented() {
	local page
	for page in ./README.md /usr/share/doc/ip-vs-fullnat-dkms/{install,snat,synproxy}.md; do
		sed -nE 's/^    ((ip address|ipvsadm(-go)?|sysctl|cat \/proc|grep) .*)/\1/p' "$page" | grep -v -e --snat-log >/lab/commands
		echo "$page has $(wc -l </lab/commands)"
		grep -q '^ipvsadm.* -A' /lab/commands && sh -e -x /lab/commands && ipvsadm -C || return 1
		ip address del $lip4/32 dev lo 2>/dev/null || true
	done
}

saved() {
	ipvsadm -S -n >/lab/now && cmp /lab/rules /lab/now
}

module_version() {
	[ "$(cat /sys/module/"$1"/version)" = "$2" ]
}

# has_dkms MODULE: for the kernel that runs, where DKMS puts it, and signed.
from_dkms() {
	modinfo -n "$1" | grep -q /updates/dkms/
}

has_dkms() {
	from_dkms "$1" && modinfo -F signer "$1" | grep -q .
}

stage_install() {
	check "apt installs both modules and both tools" install_debs ./old/*.deb
	for module in ip_vs_fullnat toa; do
		check "DKMS has built and signed $module for $(uname -r)" has_dkms $module
	done
	check "the unit has loaded ip_vs_fullnat" systemctl is-active ip-vs-fullnat.service
	check "the unit of the tables is there" systemctl is-active ipvsadm-go.service
	check "the command ipvsadm is ours" test "$(readlink -f "$(command -v ipvsadm)")" = /usr/sbin/ipvsadm-go
	check "the commands of the quick starts work" documented
	network
	check "services are configured" configure
	check "traffic flows; the real server sees the local address" flows $lip4 $lip6
	mkdir -p /etc/sysctl.d
	echo "net.ipv4.vs.fullnat_lport_min = 20000" >/etc/sysctl.d/ip-vs-fullnat.conf
	echo "options toa trusted=10.0.0.0/24,2001:db8:a::/64" >/etc/modprobe.d/toa.conf
	ipvsadm -S -n >/lab/rules
}

stage_restored() {
	check "after a reboot the rules are back" saved
	check "the module is loaded" test -d /sys/module/ip_vs_fullnat
	check "settings of /etc/sysctl.d are in force" test "$(sysctl -n net.ipv4.vs.fullnat_lport_min)" = 20000
	check "toa is loaded, and trusts whom it was told to" grep -q 10.0.0.0/24 /proc/sys/net/toa/trusted
	network
	check "traffic flows; the real server sees the client" flows 192.0.2.10 2001:db8:c::10
	check "toa-ss runs" ip netns exec rs toa-ss -a
}

# ours PACKAGE WHEN: the file of a package of ours, of the old version or of the new one.
ours() {
	echo "./$2/$1"_*_"$(dpkg --print-architecture)".deb
}

# stage_refused: a line in the middle of the file is refused. What is left of the
# table goes nowhere, and what was repaired by hand stays when the package comes again.
stage_refused() {
	sed '2i -A -t 203.0.113.9:80 -s nosuch' /lab/rules >/lab/broken
	cp /lab/broken /etc/ipvsadm.rules
	check "a line that is refused is noticed" not systemctl restart ipvsadm-go.service
	check "all others are in force" saved
	ipvsadm -A -t 203.0.113.10:80 -s rr
	ipvsadm -S -n >/lab/byhand
	check "the package can be installed again" install_debs --reinstall "$(ours ipvsadm-go old)"
	check "the table is as it was" sh -c 'ipvsadm -S -n | cmp - /lab/byhand'
	check "the unit stops" systemctl stop ipvsadm-go.service
	check "the file is as it was" cmp /lab/broken /etc/ipvsadm.rules
	cp /lab/rules /etc/ipvsadm.rules
	check "repaired, it is loaded" systemctl start ipvsadm-go.service
	check "as a whole" saved
	without_daemon
	ipvsadm -A -t 203.0.113.10:80 -s rr
	held_start
	check "reload leaves what the file says" sh -c 'systemctl reload ipvsadm-go.service && ipvsadm -S -n | cmp - /lab/rules'
	check "and connections" held_goes_on
}

# without_daemon: the interface of the sync daemon is not there. The tables are in force
# all the same, and what is added to them is saved.
without_daemon() {
	cp /etc/default/ipvsadm /lab/default
	sed -i 's/^DAEMON=.*/DAEMON="master"/; s/^IFACE=.*/IFACE="nosuch0"/' /etc/default/ipvsadm
	check "a sync daemon that cannot start leaves the unit active" systemctl restart ipvsadm-go.service
	check "the journal says so" until_true 60 sh -c 'journalctl -p err -u ipvsadm-go.service | grep -q "does not run on nosuch0"'
	check "the rules are in force" saved
	ipvsadm -A -t 203.0.113.10:80 -s rr
	systemctl stop ipvsadm-go.service
	check "and are saved" grep -q 203.0.113.10:80 /etc/ipvsadm.rules
	cp /lab/default /etc/default/ipvsadm
	cp /lab/rules /etc/ipvsadm.rules
	systemctl reset-failed ipvsadm-go.service
	check "without a daemon they come back" systemctl start ipvsadm-go.service
	check "as a whole" saved
}

# held: connections of both families that are used all the time while something else
# happens. What a reader that is merely slow has is not: its window holds megabytes.
held_start() {
	ip netns exec client ./labnet keep -n 2 -interval 200ms -timeout 60s $vip4:80 >/lab/held4 2>&1 &
	ip netns exec client ./labnet keep -n 2 -interval 200ms -timeout 60s "[$vip6]:80" >/lab/held6 2>&1 &
	until_true 60 eval 'grep -q READY /lab/held4 && grep -q READY /lab/held6'
}

# held_goes_on: with some requests behind what happened.
held_goes_on() {
	sleep 2
	pkill -TERM -f 'labnet keep'
	until_true 120 eval '! pgrep -f "labnet keep"'
	cat /lab/held4 /lab/held6
	[ "$(cat /lab/held4 /lab/held6 | grep -c '"failed":0')" = 2 ]
}

stage_upgrade() {
	local old
	old=$(cat /sys/module/ip_vs_fullnat/version)
	held_start
	check "apt upgrades" install_debs ./new/*.deb
	check "the rules are as they were" saved
	check "connections go on" held_goes_on
	check "settings were kept" grep -q '^options toa' /etc/modprobe.d/toa.conf
	check "the loaded module stays" module_version ip_vs_fullnat "$old"
	check "drained, it can be replaced by the new one" sh -c 'ipvsadm-go --drain && modprobe -r ip_vs_fullnat && systemctl restart ip-vs-fullnat'
	check "which has another version" not module_version ip_vs_fullnat "$old"
	check "its rules come back from the file" sh -c 'ipvsadm-restore </lab/rules'
	check "traffic flows" flows 192.0.2.10 2001:db8:c::10
}

# stock_idles: stock's unit, or what systemd makes of its init script, runs nothing.
stock_idles() {
	local what
	for what in ExecStartPre ExecStop ExecStopPost; do
		[ -z "$(systemctl show -P $what ipvsadm.service)" ] || return 1
	done
	systemctl show -P ExecStart ipvsadm.service | grep -q 'path=/bin/echo'
}

# stage_stock: stock's package comes, with its configuration and its unit, goes, and
# comes again.
stage_stock() {
	check "stock's ipvsadm can be installed beside" install_debs ipvsadm
	check "the rules are as they were" saved
	check "the command is ours" sh -c 'ipvsadm --help | grep -q fullnat'
	check "stock's is ipvsadm.stock" sh -c 'ipvsadm.stock -Ln | grep -q 198.51.100.10:80'
	check "dpkg finds its files" dpkg -V ipvsadm
	check "its unit does nothing" stock_idles
	check "whoever stops and starts it" sh -c 'systemctl stop ipvsadm.service && systemctl start ipvsadm.service'
	check "and it says so" until_true 60 sh -c 'journalctl -u ipvsadm.service | grep -q "nothing is done"'
	check "stock's package comes again" install_debs --reinstall ipvsadm
	check "the rules are as they were" saved
	check "stock's package goes" apt-get remove -y ipvsadm
	check "the rules are as they were" saved
	check "it goes with its configuration" apt-get purge -y ipvsadm
	check "which was ours, too" test ! -e /etc/ipvsadm.rules -a ! -e /etc/default/ipvsadm
	check "the table is saved, and loaded, without it" systemctl restart ipvsadm-go.service
	check "the rules are as they were" saved
	check "stock's package comes back" install_debs ipvsadm
	sed -i 's/^AUTO=.*/AUTO="true"/' /etc/default/ipvsadm
	ipvsadm -S -n >/lab/rules
}

stage_kernel() {
	check "another kernel is installed" install_debs /lab/kernel/*.deb
	next=$(cd /lib/modules && printf '%s\n' * | grep -vxF "$(uname -r)" | tail -n 1)
	for module in ip_vs_fullnat toa; do
		check "DKMS has built $module for $next" modinfo -k "$next" $module
	done
	[ -z "$next" ] || report "boot $next"
}

# stage_moved: while the machine was off it got another kernel.
stage_moved() {
	check "the machine has two kernels" test "$(find /lib/modules -mindepth 1 -maxdepth 1 | wc -l)" = 2
	for module in ip_vs_fullnat toa; do
		check "DKMS has built and signed $module for $(uname -r)" has_dkms $module
	done
}

gone() {
	local path
	for path in /usr/sbin/ipvsadm-go /usr/libexec/ipvsadm-go /usr/libexec/ip-vs-fullnat /var/lib/dkms/toa \
		/var/lib/dkms/ip-vs-fullnat /etc/modules-load.d/toa.conf /etc/modules-load.d/ip-vs-fullnat.conf \
		/usr/sbin/toa-bpf /sys/fs/bpf/toa /etc/modprobe.d/toa.conf /usr/src/toa-* /usr/src/ip-vs-fullnat-* /etc/systemd/system/ipvsadm.service \
		/usr/lib/systemd/system/ipvsadm.service.d /etc/systemd/system/multi-user.target.wants/{ip-vs-fullnat,ipvsadm-go,toa}*; do
		if [ -e "$path" ] || [ -L "$path" ]; then
			echo "still there: $path"
			return 1
		fi
	done
	! find /lib/modules -name ip_vs_fullnat.ko\* -o -name toa.ko\* | grep .
}

stage_purge() {
	local has_stock=
	ipvsadm -S -n >/lab/rules
	! dpkg -s ipvsadm >/dev/null 2>&1 || has_stock=1
	check "the tool can be removed" apt-get remove -y ipvsadm-go
	check "the services go on without it" flows 192.0.2.10 2001:db8:c::10
	check "the rules were saved" sh -c 'grep -v "^#" /etc/ipvsadm.rules | cmp - /lab/rules'
	check "no unit's name leads nowhere" sh -c '! find /etc/systemd/system -maxdepth 1 -xtype l | grep .'
	[ -z "$has_stock" ] || check "stock's unit works again" not stock_idles
	check "the tool comes back" install_debs "$(ours ipvsadm-go new)"
	check "the rules are as they were" saved
	echo 'OPTIONS="--beside-module"' >/etc/default/toa-bpf
	check "toa-bpf is enabled and loaded" sh -c 'systemctl enable --now toa-bpf.service && toa-bpf status'
	check "it is removed" apt-get remove -y toa-bpf
	check "and unloaded" test ! -e /sys/fs/bpf/toa
	rm /etc/default/toa-bpf
	check "all can be purged" apt-get purge -y ipvsadm-go ip-vs-fullnat-dkms toa-dkms toa-ss toa-bpf
	check "connections live as long as the module is loaded" flows 192.0.2.10 2001:db8:c::10
	check "nothing is left behind" gone
	if [ -n "$has_stock" ]; then
		check "stock's command is back" sh -c 'test ! -L /usr/sbin/ipvsadm && ipvsadm -Ln | grep -q 198.51.100.10:80'
		check "stock's configuration is there" test -e /etc/default/ipvsadm -a -e /etc/ipvsadm.rules
		check "no diversion is left" sh -c '! dpkg-divert --list | grep ipvsadm'
	else
		check "no rules are left" test ! -e /etc/ipvsadm.rules
	fi
}

# stage_boots: what was installed on the disk before this machine was started.
stage_boots() {
	for module in ip_vs_fullnat toa; do
		# Debian 11's dkms does not sign.
		check "$module of DKMS is there for $(uname -r)" from_dkms $module
		check "$module was loaded at boot" test -d /sys/module/$module
	done
	network
	check "services are configured" configure
	check "traffic flows; the real server sees the client" flows 192.0.2.10 2001:db8:c::10
	check "the kernel has nothing to complain of" sh -c '! dmesg | grep -E "WARNING|BUG:|Oops|Call Trace"'
}

failed=0
report "boot $(uname -r)"
stages=$(cat stages)
for stage in ${stages%% [-+]*}; do
	report "# $stage on $(. /etc/os-release && echo "$PRETTY_NAME"), $(uname -r)"
	"stage_$stage"
done
rest=${stages#*[-+] }
if [ "$rest" = "$stages" ] || [ $failed -ne 0 ]; then
	report end
	systemctl poweroff --force
else
	echo "$rest" >stages
	case ${stages%"$rest"} in
	*+*) report change ;;
	*) report reboot ;;
	esac
	systemctl reboot
fi
