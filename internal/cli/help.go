// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

var helpCommand = command{name: "help", short: 'h', atSight: help}

var versionCommand = command{name: "version", short: 'v', atSight: version}

// stockVersion is what ipvsadm 1.31 says about itself; scripts look at it.
const stockVersion = "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)"

// Version is the version of ipvsadm-go. The build sets it.
var Version = "unreleased"

func printVersion(w io.Writer) {
	fmt.Fprintf(w, "%s\nipvsadm-go %s (with FULLNAT, SYNPROXY and SNAT zones)\n", stockVersion, Version)
}

func version(s *session) error {
	printVersion(s.env.Stdout)
	return &exitError{status: exitOK}
}

// help prints the usage. It ends the program even within a restore.
func help(s *session) error {
	w := bufio.NewWriter(s.env.Stdout)
	printVersion(w)
	fmt.Fprintln(w, "Usage:")
	for _, u := range usages {
		fmt.Fprintf(w, "  %s %s\n", s.program, u)
	}
	fmt.Fprint(w, "\nCommands:\nEither long or short options are allowed.\n")
	for _, h := range commandHelp {
		fmt.Fprintf(w, "  %-27s %s\n", h.names, h.text)
	}
	for _, sec := range optionHelp {
		fmt.Fprintf(w, "%s\n", sec.title)
		for _, h := range sec.lines {
			fmt.Fprintf(w, "  %-*s %s\n", sec.width, h.names,
				strings.ReplaceAll(h.text, "\n", "\n"+strings.Repeat(" ", sec.width+3)))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return &exitError{status: exitOK}
}

// usages are the lines of the usage behind the program's name.
var usages = []string{
	"-A|E virtual-service [-s scheduler] [-p [timeout]] [-M netmask] [--pe persistence_engine] [-b sched-flags] [-j enable|disable]",
	"-D virtual-service",
	"-C",
	"-R [--atomic [--dry-run]]",
	"-S [-n]",
	"-a|e virtual-service -r server-address [options]",
	"-d virtual-service -r server-address",
	"-L|l [virtual-service] [options]",
	"-Z [virtual-service]",
	"-P|Q virtual-service -z local-address",
	"-P|Q --zone zone -z local-address",
	"-G [virtual-service | --zone zone]",
	"-K|--edit-zone --zone zone [-s rr|sh|sdh] [--limit connections]",
	"-V --zone zone",
	"-U|W --zone zone -z local-address",
	"--drain",
	"--snat-log [--json]",
	"--set tcp tcpfin udp",
	"--start-daemon {master|backup} [daemon-options]",
	"--stop-daemon {master|backup}",
	"-h",
}

type helpLine struct{ names, text string }

var commandHelp = []helpLine{
	{"--add-service     -A", "add virtual service with options"},
	{"--edit-service    -E", "edit virtual service with options"},
	{"--delete-service  -D", "delete virtual service"},
	{"--clear           -C", "clear the whole table"},
	{"--restore         -R", "restore rules from stdin"},
	{"--save            -S", "save rules to stdout"},
	{"--add-server      -a", "add real server with options"},
	{"--edit-server     -e", "edit real server with options"},
	{"--delete-server   -d", "delete real server"},
	{"--list            -L|-l", "list the table"},
	{"--zero            -Z", "zero counters in a service or all services"},
	{"--add-laddr       -P", "add local address to a service or zone"},
	{"--del-laddr       -Q", "delete local address from a service or zone"},
	{"--get-laddr       -G", "list local addresses"},
	{"--add-zone        -K", "add source address zone"},
	{"--edit-zone", "change how a zone chooses, and its limit"},
	{"--del-zone        -V", "delete source address zone and its local addresses"},
	{"--add-laddr-zone  -U", "add local address to zone"},
	{"--del-laddr-zone  -W", "delete local address from zone"},
	{"--drain", "end all FULLNAT connections, take no new ones"},
	{"--snat-log", "print translations of zones as they begin and end"},
	{"--set tcp tcpfin udp", "set connection timeout values"},
	{"--start-daemon", "start connection sync daemon"},
	{"--stop-daemon", "stop connection sync daemon"},
	{"--version         -v", "display version information"},
	{"--help            -h", "display this help message"},
}

// schedulers are those that the help names; the kernel may know more.
const schedulers = "rr|wrr|lc|wlc|lblc|lblcr|dh|sh|sed|nq|fo|ovf|mh"

// optionHelp are the sections behind the commands.
var optionHelp = []struct {
	title string
	width int
	lines []helpLine
}{
	{"\nvirtual-service:", 35, []helpLine{
		{"--tcp-service|-t  service-address", "service-address is host[:port]"},
		{"--udp-service|-u  service-address", "service-address is host[:port]"},
		{"--sctp-service    service-address", "service-address is host[:port]"},
		{"--fwmark-service|-f fwmark", "fwmark is an integer greater than zero"},
	}},
	{"\nOptions:", 35, []helpLine{
		{"--ipv6         -6", "fwmark entry uses IPv6"},
		{"--scheduler    -s scheduler", "one of " + schedulers + ",\nthe default scheduler is " + spec.DefaultScheduler + "."},
		{"--pe            engine", "alternate persistence engine may be sip,\nnot set by default."},
		{"--persistent   -p [timeout]", "persistent service"},
		{"--netmask      -M netmask", "persistent granularity mask"},
		{"--synproxy     -j enable|disable", "answer SYNs of a TCP service with cookies"},
		{"--real-server  -r server-address", "server-address is host (and port)"},
		{"--gatewaying   -g", "gatewaying (direct routing) (default)"},
		{"--ipip         -i", "ipip encapsulation (tunneling)"},
		{"--masquerading -m", "masquerading (NAT)"},
		{"--fullnat      -b", "fullnat mode (with -a and -e)"},
		{"--tun-type      type", "one of ipip|gue|gre,\nthe default tunnel type is ipip."},
		{"--tun-port      port", "tunnel destination port"},
		{"--tun-nocsum", "tunnel encapsulation without checksum"},
		{"--tun-csum", "tunnel encapsulation with checksum"},
		{"--tun-remcsum", "tunnel encapsulation with remote checksum"},
		{"--weight       -w weight", "capacity of real server"},
		{"--u-threshold  -x uthreshold", "upper threshold of connections"},
		{"--l-threshold  -y lthreshold", "lower threshold of connections"},
		{"--laddr        -z local-address", "address or range first-last, may be repeated"},
		{"--zone          zone", "source addresses, net/bits or net/mask"},
		{"--limit         connections", "of one source address of a zone, 0 for any"},
		{"--connection   -c", "output of current IPVS connections"},
		{"--timeout", "output of timeout (tcp tcpfin udp)"},
		{"--daemon", "output of daemon information"},
		{"--stats", "output of statistics information"},
		{"--rate", "output of rate information"},
		{"--exact", "expand numbers (display exact values)"},
		{"--thresholds", "output of thresholds information"},
		{"--persistent-conn", "output of persistent connection info"},
		{"--tun-info", "output of tunnel information"},
		{"--atomic", "restore by changing only what differs"},
		{"--dry-run", "print what --atomic would do"},
		{"--local", "output of local addresses of connections (with -c)"},
		{"--json", "output as JSON, for -L in all its forms, -G and --snat-log"},
		{"--nosort", "disable sorting output of service/server entries"},
		{"--sort", "does nothing, for backwards compatibility"},
		{"--ops          -o", "one-packet scheduling"},
		{"--numeric      -n", "numeric output of addresses and ports"},
		{"--sched-flags  -b flags", "scheduler flags (comma-separated)"},
	}},
	{"Daemon Options:", 35, []helpLine{
		{"--syncid sid", "syncid for connection sync (default=255)"},
		{"--sync-maxlen length", "Max sync message length (default=1472)"},
		{"--mcast-interface interface", "multicast interface for connection sync"},
		{"--mcast-group address", "IPv4/IPv6 group (default=224.0.0.81)"},
		{"--mcast-port port", "UDP port (default=8848)"},
		{"--mcast-ttl ttl", "Multicast TTL (default=1)"},
	}},
}
