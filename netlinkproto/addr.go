// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"fmt"
	"net/netip"
)

// AddressFamily is the kernel's number of an address family.
type AddressFamily uint16

// The address families that IPVS knows, with Linux's numbers.
const (
	IPv4 AddressFamily = 2
	IPv6 AddressFamily = 10
)

// String returns "IPv4", "IPv6" or the number.
func (f AddressFamily) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	}
	return fmt.Sprintf("AF(%d)", uint16(f))
}

// FamilyOf returns the address family of a. IPv4-mapped IPv6 addresses are
// IPv6, as they are for the kernel; the zero address has family 0.
func FamilyOf(a netip.Addr) AddressFamily {
	switch {
	case a.Is4():
		return IPv4
	case a.Is6():
		return IPv6
	}
	return 0
}

// inetAddrLen is the size of the kernel's union nf_inet_addr.
const inetAddrLen = 16

// inetAddr lays a out as union nf_inet_addr: the address first, zeros behind.
func inetAddr(a netip.Addr) (out [inetAddrLen]byte) {
	if a.Is4() {
		v4 := a.As4()
		copy(out[:], v4[:])
		return out
	}
	if a.Is6() {
		return a.As16()
	}
	return out
}

// parseInetAddr reads an address of family af out of a union nf_inet_addr. It
// accepts a short union as long as the address is whole.
func parseInetAddr(af AddressFamily, b []byte) (netip.Addr, error) {
	switch {
	case af == IPv4 && len(b) >= 4:
		return netip.AddrFrom4([4]byte(b[:4])), nil
	case af == IPv6 && len(b) >= 16:
		return netip.AddrFrom16([16]byte(b[:16])), nil
	case af == IPv4 || af == IPv6:
		return netip.Addr{}, fmt.Errorf("%v address of %d bytes", af, len(b))
	}
	return netip.Addr{}, fmt.Errorf("address of unknown family %d", uint16(af))
}

// Protocol is an IP protocol number.
type Protocol uint16

// The protocols that a service can have.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// The protocols of echoes that SNAT zones translate; no service has them.
const (
	ICMP   Protocol = 1
	ICMPv6 Protocol = 58
)

// String returns "tcp", "udp", "sctp", "icmp", "icmpv6" or the number.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case SCTP:
		return "sctp"
	case ICMP:
		return "icmp"
	case ICMPv6:
		return "icmpv6"
	}
	return fmt.Sprintf("proto(%d)", uint16(p))
}
