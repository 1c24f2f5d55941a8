// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"strings"
)

// ParseZone reads the sources of a zone: "net", "net/bits" or "net/mask". No
// mask means a single host. Bits behind the mask are an error rather than cut
// off, because they are most often a slip in the mask.
func ParseZone(s string) (netip.Prefix, error) {
	fail := func(why string) (netip.Prefix, error) {
		return netip.Prefix{}, fmt.Errorf(
			"illegal zone `%s': %s, give 192.168.1.0/24 or 192.168.1.0/255.255.255.0", s, why)
	}
	host, mask, masked := strings.Cut(s, "/")
	a, ok := parseBareAddr(host)
	if !ok {
		return fail("not an address")
	}
	n := a.BitLen()
	if masked {
		if n, ok = maskBits(mask, a); !ok {
			return fail("bad mask `" + mask + "'")
		}
	}
	z := netip.PrefixFrom(a, n)
	if z != z.Masked() {
		return netip.Prefix{}, fmt.Errorf(
			"illegal zone `%s': host bits set, the network is %s", s, z.Masked())
	}
	return z, nil
}

// maskBits reads a mask for a as a number of bits or as an IPv4 mask.
func maskBits(s string, a netip.Addr) (int, bool) {
	if strings.Trim(s, "0123456789") == "" {
		n, ok := Number(s, 0, int64(a.BitLen()))
		return int(n), ok
	}
	m, err := netip.ParseAddr(s)
	if err != nil || !m.Is4() || !a.Is4() {
		return 0, false
	}
	b := m.As4()
	v := binary.BigEndian.Uint32(b[:])
	n := bits.LeadingZeros32(^v)
	return n, v<<n == 0
}

// FormatZone prints a zone with its mask in dotted form, as older FULLNAT tools
// list it; an IPv6 zone has its number of bits.
func FormatZone(z netip.Prefix) string {
	if z.Addr().Is6() {
		return z.String()
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], ^uint32(0)<<(32-z.Bits()))
	return z.Addr().String() + "/" + netip.AddrFrom4(b).String()
}

// RangeMax is the number of addresses that a range may have.
const RangeMax = 65536

// ParseRange reads a local address or a range of them, "first-last".
func ParseRange(s string) (first, last netip.Addr, err error) {
	fail := func(why string) (netip.Addr, netip.Addr, error) {
		return netip.Addr{}, netip.Addr{}, fmt.Errorf(
			"illegal local address `%s': %s", s, why)
	}
	lo, hi, isRange := strings.Cut(s, "-")
	first, ok := parseBareAddr(lo)
	if !ok {
		return fail("not an address, give 192.168.1.5 or 192.168.1.5-192.168.1.9")
	}
	last = first
	if isRange {
		if last, ok = parseBareAddr(hi); !ok {
			return fail("the end of the range is not an address")
		}
	}
	switch {
	case first.Is4() != last.Is4():
		return fail("the ends of the range are of different families")
	case last.Less(first):
		return fail("the end of the range lies before its beginning")
	case RangeSize(first, last) > RangeMax:
		return fail(fmt.Sprintf("the range has more than %d addresses", RangeMax))
	}
	return first, last, nil
}

// RangeSize returns the number of addresses from first to last, which must not
// lie before first. Numbers that do not fit become the largest one.
func RangeSize(first, last netip.Addr) uint64 {
	a, b := first.As16(), last.As16()
	hiA, loA := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
	hiB, loB := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	lo, borrow := bits.Sub64(loB, loA, 0)
	if hiB-hiA-borrow != 0 || lo == math.MaxUint64 {
		return math.MaxUint64
	}
	return lo + 1
}

// parseBareAddr reads an address without a port; brackets around an IPv6
// address do no harm.
func parseBareAddr(s string) (netip.Addr, bool) {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return ParseIPv6(s[1 : len(s)-1])
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == ""
}
