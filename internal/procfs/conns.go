// SPDX-License-Identifier: Apache-2.0

// Package procfs reads the connection table that the kernel shows in
// /proc/net/ip_vs_conn. There is no netlink command for it.
package procfs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"strconv"
	"strings"
)

// ConnFile is where the kernel shows its connections.
const ConnFile = "/proc/net/ip_vs_conn"

// AddrPort is an address with a port. Unlike netip.AddrPort it can be without
// a valid address and be printed all the same.
type AddrPort struct {
	Addr netip.Addr
	Port uint16
}

// AddrPort returns the same as a netip.AddrPort.
func (a AddrPort) AddrPort() netip.AddrPort { return netip.AddrPortFrom(a.Addr, a.Port) }

// Conn is a line of the connection table.
type Conn struct {
	Protocol              string
	Client, Virtual, Dest AddrPort
	State                 string
	// Expires is the number of seconds that the entry has left.
	Expires uint32
	// PEName and PEData are of the persistence engine, most often empty.
	PEName, PEData string
	// Local is the local address of a FULLNAT connection. The table does not
	// have it; whoever knows may fill it in.
	Local AddrPort
}

// ProtocolNumber returns the IP protocol, or 0 for one that is not known here.
func (c *Conn) ProtocolNumber() uint16 {
	switch c.Protocol {
	case "TCP":
		return 6
	case "UDP":
		return 17
	case "SCTP":
		return 132
	case "ICMP":
		return 1
	case "ICMPv6":
		return 58
	}
	return 0
}

// ErrNoHeader is a connection table without its first line.
var ErrNoHeader = errors.New("no header line")

// Conns streams the connections that r lists. The loop stops at the first
// error.
func Conns(r io.Reader) iter.Seq2[*Conn, error] {
	return func(yield func(*Conn, error) bool) {
		sc := bufio.NewScanner(r)
		if !sc.Scan() {
			err := sc.Err()
			if err == nil {
				err = ErrNoHeader
			}
			yield(nil, err)
			return
		}
		var c Conn
		for sc.Scan() {
			if strings.TrimSpace(sc.Text()) == "" {
				continue
			}
			if err := c.parse(sc.Text()); err != nil {
				yield(nil, fmt.Errorf("connection table: %w in %q", err, sc.Text()))
				return
			}
			if !yield(&c, nil) {
				return
			}
		}
		if err := sc.Err(); err != nil {
			yield(nil, fmt.Errorf("connection table: %w", err))
		}
	}
}

// parse reads one line: protocol, three addresses with their ports, state, time
// left, and perhaps name and data of the persistence engine. Columns behind
// those are passed over.
func (c *Conn) parse(line string) error {
	f := strings.Fields(line)
	if len(f) < 9 {
		return fmt.Errorf("%d columns", len(f))
	}
	*c = Conn{Protocol: f[0], State: f[7]}
	var err error
	for i, e := range []*AddrPort{&c.Client, &c.Virtual, &c.Dest} {
		if *e, err = parseAddrPort(f[1+2*i], f[2+2*i]); err != nil {
			return err
		}
	}
	left, err := strconv.ParseUint(f[8], 10, 32)
	if err != nil {
		return fmt.Errorf("bad time %q", f[8])
	}
	c.Expires = uint32(left)
	// The echoes of SNAT zones: the kernel has no states for them.
	if strings.HasPrefix(c.Protocol, "ICMP") && c.State == "ERR!" {
		c.State = "NONE"
	}
	if len(f) >= 11 {
		c.PEName, c.PEData = f[9], f[10]
	}
	return nil
}

// parseAddrPort reads an address, eight hexadecimal digits for IPv4, and a port
// in hexadecimal.
func parseAddrPort(addr, port string) (AddrPort, error) {
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return AddrPort{}, fmt.Errorf("bad port %q", port)
	}
	a, err := netip.ParseAddr(addr)
	if err != nil {
		n, err := strconv.ParseUint(addr, 16, 32)
		if err != nil {
			return AddrPort{}, fmt.Errorf("bad address %q", addr)
		}
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(n))
		a = netip.AddrFrom4(b)
	}
	return AddrPort{a, uint16(p)}, nil
}
