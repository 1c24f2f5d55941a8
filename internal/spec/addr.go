// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// Resolver turns names into numbers where ipvsadm asks the C library.
type Resolver interface {
	// HostAddr returns the first IPv4 address of a host.
	HostAddr(name string) (netip.Addr, bool)
	// ServicePort returns the port of a service of an IP protocol.
	ServicePort(name string, proto uint16) (uint16, bool)
}

// Namer turns numbers into names for output without --numeric.
type Namer interface {
	AddrName(a netip.Addr) (string, bool)
	PortName(port, proto uint16) (string, bool)
}

// Endpoint is an address with a port that may have been left out.
type Endpoint struct {
	Addr    netip.Addr
	Port    uint16
	HasPort bool
}

// ParseEndpoint reads "host[:port]". The host is an IPv4 address in any form
// that inet_aton takes, an IPv6 address, in brackets when a port follows, or a
// name. Digits alone are no host. Like ipvsadm 1.31 it asks for a colon behind
// a bracket, and passes over the port behind brackets with no IPv6 address in.
func ParseEndpoint(s string, proto uint16, r Resolver) (Endpoint, bool) {
	if strings.Trim(s, "0123456789") == "" {
		return Endpoint{}, false
	}
	var e Endpoint
	port := ""
	if strings.HasPrefix(s, "[") {
		host, tail, found := strings.Cut(s[1:], "]")
		if !found || !strings.HasPrefix(tail, ":") {
			return Endpoint{}, false
		}
		s, port, e.HasPort = host, tail[1:], true
	}
	if a, ok := ParseIPv6(s); ok {
		e.Addr = a
	} else {
		e.HasPort = false
		if i := strings.LastIndexByte(s, ':'); i >= 0 {
			s, port, e.HasPort = s[:i], s[i+1:], true
		}
		if e.Addr, ok = hostAddr(s, r); !ok {
			return Endpoint{}, false
		}
	}
	if !e.HasPort {
		return e, true
	}
	n, ok := Number(port, 0, 65535)
	if ok {
		e.Port = uint16(n)
	} else {
		e.Port, ok = r.ServicePort(port, proto)
	}
	return e, ok
}

// hostAddr reads an IPv4 address or looks a name up.
func hostAddr(s string, r Resolver) (netip.Addr, bool) {
	if a, ok := Aton(s); ok {
		return a, true
	}
	return r.HostAddr(s)
}

// ParseMask reads an IPv4 netmask: ipvsadm takes a host name for one, too.
func ParseMask(s string, r Resolver) (netip.Addr, bool) { return hostAddr(s, r) }

// ParseIPv6 reads an IPv6 address as inet_pton does: without a zone.
func ParseIPv6(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Is6() && a.Zone() == ""
}

// Aton reads an IPv4 address as inet_aton does: one to four numbers in C
// notation, the last of which fills the bytes that are left, and anything
// behind white space.
func Aton(s string) (netip.Addr, bool) {
	if i := strings.IndexAny(s, cSpace); i >= 0 {
		s = s[:i]
	}
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var addr uint64
	for i, part := range parts {
		n, ok := cNumber(part)
		left := 5 - len(parts) // bytes that the last number fills
		switch {
		case !ok || (i < len(parts)-1 && n > 255) || n >= 1<<(8*left) && i == len(parts)-1:
			return netip.Addr{}, false
		case i < len(parts)-1:
			addr |= n << (24 - 8*i)
		default:
			addr |= n
		}
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(addr))
	return netip.AddrFrom4(b), true
}

// cNumber reads an unsigned number in C notation: 0x for hexadecimal, a leading
// 0 for octal. Go's own base 0 would also take 0b, 0o and underscores.
func cNumber(s string) (uint64, bool) {
	base := 10
	switch {
	case len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X"):
		s, base = s[2:], 16
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	n, err := strconv.ParseUint(s, base, 32)
	return n, err == nil && s[0] != '+'
}

// AppendAddr appends a as inet_ntop prints it. That differs from netip in one
// point: what could be an IPv4-compatible IPv6 address ends in dotted form.
func AppendAddr(dst []byte, a netip.Addr) []byte {
	if !a.Is6() {
		return a.AppendTo(dst)
	}
	b := a.As16()
	compat := b[12] != 0 || b[13] != 0
	for _, x := range b[:12] {
		compat = compat && x == 0
	}
	if compat {
		return netip.AddrFrom4([4]byte(b[12:])).AppendTo(append(dst, "::"...))
	}
	return a.AppendTo(dst)
}

// endpointMax is the length at which ipvsadm cuts an address with its port.
const endpointMax = 59

// AppendEndpoint appends address and port as ipvsadm prints them: an IPv6
// address or its name in brackets, names where n knows one. A nil Namer is
// --numeric.
func AppendEndpoint(dst []byte, a netip.Addr, port, proto uint16, n Namer) []byte {
	start := len(dst)
	if a.Is6() {
		dst = append(dst, '[')
	}
	name, ok := "", false
	if n != nil {
		name, ok = n.AddrName(a)
	}
	if ok {
		dst = append(dst, name...)
	} else {
		dst = AppendAddr(dst, a)
	}
	if a.Is6() {
		dst = append(dst, ']')
	}
	dst = append(dst, ':')
	ok = false
	if n != nil {
		name, ok = n.PortName(port, proto)
	}
	if ok {
		dst = append(dst, name...)
	} else {
		dst = strconv.AppendUint(dst, uint64(port), 10)
	}
	if len(dst)-start > endpointMax {
		dst = dst[:start+endpointMax]
	}
	return dst
}
