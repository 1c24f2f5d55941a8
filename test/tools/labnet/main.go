// SPDX-License-Identifier: Apache-2.0

// Command labnet makes and checks the traffic of the lab's scenes: servers that
// say whom they see, bulk transfers compared by hash, datagrams, many
// connections, and crafted packets. It is static and needs nothing in the guest.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// A command is one sub-command; run reports what happened to out, and an error
// if not everything went well.
type command struct {
	name string
	args string
	help string
	run  func(args []string, out io.Writer) error
}

var commands = []command{
	{"serve", "[-name N] [-tcp PORTS] [-udp PORTS]", "answer HTTP and echo datagrams", runServe},
	{"fetch", "[-parallel N] [-size S] [-direction D] URL", "bulk transfers, compared by hash", runFetch},
	{"peer", "[-bind ADDR] ADDR:PORT", "print whom the server sees", runPeer},
	{"udp-echo", "[-size N] [-count N] ADDR:PORT", "send datagrams and compare what comes back", runUDPEcho},
	{"conns", "[-n N] [-parallel N] [-hold D] ADDR:PORT", "open many connections", runConns},
	{"keep", "[-n N] [-interval D] ADDR:PORT", "hold connections and use them until SIGTERM", runKeep},
	{"family", "conns|counters|info|drain", "ask the director's netlink family", runFamily},
	{"fuzz", "-tun DEV [-n N] [-workers N] [-seed N] SRC=PORTS-DST=PORTS...", "send packets that are wrong in places", runFuzz},
	{"fuzz-netlink", "[-n N] [-workers N] [-seed N] ADDR...", "the same with messages to the families IPVS and IPVS_FULLNAT", runNetFuzz},
	{"insert", "-tun DEV -rules FILE", "be a director that puts TCP options into segments", runInsert},
	{"sockserve", "[-port N] [-6] [-mptcp] [-tls] ...", "answer with whom every call sees", runSockServe},
	{"sockask", "[-n N] [-for D] [-mptcp] [-tfo] [-tls] ADDR:PORT", "ask sockserve", runSockAsk},
	{"crowd", "[-port N] [-n N] [-uid N] -until FILE", "many threads ask for the peer of one socket, whose lock is held", runCrowd},
	{"holdhook", "CGROUP", "keep the BPF hook for getpeername() of a cgroup to ourselves", runHoldHook},
	{"packetcost", "-client NETNS -server NETNS ... ADDR:PORT", "time segments of established TCP connections", runPacketCost},
	{"conncost", "-client NETNS -server NETNS [-n N|-mb N] ADDR:PORT", "time whole connections, or megabytes, between two ends in one thread", runConnCost},
	{"acceptcost", "-server NETNS -client NETNS ADDR:PORT", "time connections that one thread makes and accepts", runAcceptCost},
	{"tcp", "-tun DEV -local ADDR:PORT [-isn N] [-ts N] ADDR:PORT", "one connection by a TCP of our own, which counts what it must not see", runTCP},
	{"flood", "[-n N] [-from PREFIX] [-acks] ADDR:PORT", "forged SYNs, or ACKs, from random sources", runFlood},
	{"script", "-tun DEV FROM TO STEP...", "a TCP client, segment by segment", runScript},
	{"raw", "[-if DEV] [-count N] HEX...", "send crafted packets", runRaw},
}

func main() {
	if len(os.Args) >= 2 {
		for _, c := range commands {
			if c.name != os.Args[1] {
				continue
			}
			if err := c.run(os.Args[2:], os.Stdout); err != nil {
				fmt.Fprintf(os.Stderr, "labnet %s: %v\n", c.name, err)
				os.Exit(1)
			}
			return
		}
	}
	for _, c := range commands {
		fmt.Fprintf(os.Stderr, "labnet %s %s\n\t%s\n", c.name, c.args, c.help)
	}
	os.Exit(2)
}

// parseFlags parses args and returns what is left, of which there must be at
// least min words.
func parseFlags(fs *flag.FlagSet, args []string, min int) ([]string, error) {
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() < min {
		return nil, fmt.Errorf("%d arguments wanted, %d given", min, fs.NArg())
	}
	return fs.Args(), nil
}

// parseSize reads a number of bytes with an optional K, M or G behind it.
func parseSize(s string) (int64, error) {
	shift := 0
	switch {
	case strings.HasSuffix(s, "K"):
		shift = 10
	case strings.HasSuffix(s, "M"):
		shift = 20
	case strings.HasSuffix(s, "G"):
		shift = 30
	}
	digits := s
	if shift > 0 {
		digits = s[:len(s)-1]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)>>shift {
		return 0, fmt.Errorf("size %q is not a number of bytes", s)
	}
	return n << shift, nil
}

// parsePorts reads a comma separated list of ports; an empty one has none.
func parsePorts(s string) ([]uint16, error) {
	var ports []uint16
	for word := range strings.SplitSeq(s, ",") {
		if word == "" {
			continue
		}
		n, err := strconv.ParseUint(word, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("port %q: %w", word, err)
		}
		ports = append(ports, uint16(n))
	}
	return ports, nil
}

// parseBind reads an address with or without a port ("192.0.2.10",
// "192.0.2.10:5000", "[2001:db8::1]:5000"). Empty means any.
func parseBind(s string) (netip.AddrPort, error) {
	if s == "" {
		return netip.AddrPort{}, nil
	}
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPortFrom(addr, 0), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address to bind to: %w", err)
	}
	return ap, nil
}

// tcpBind is bind as net.Dialer wants it: nil for any.
func tcpBind(bind netip.AddrPort) net.Addr {
	if !bind.IsValid() {
		return nil
	}
	return net.TCPAddrFromAddrPort(bind)
}

// printJSON prints a report as one line.
func printJSON(out io.Writer, v any) error {
	return json.NewEncoder(out).Encode(v)
}
