// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
)

// Netmask is the granularity at which a persistent service groups clients. It
// is comparable. The zero value means every client on its own, which is what
// the kernel calls 255.255.255.255 and 128.
//
// For IPv4 the kernel keeps a mask, which need not be contiguous; for IPv6 it
// keeps a prefix length.
type Netmask struct {
	v6 bool
	// inv is the complement of the IPv4 mask, or 128 minus the IPv6 prefix
	// length: so that zero is the single host.
	inv uint32
}

// IPv4Netmask returns the mask that a spells out, such as 255.255.255.0. An
// address that is not IPv4 gives the zero Netmask.
func IPv4Netmask(a netip.Addr) Netmask {
	if !a.Is4() {
		return Netmask{}
	}
	b := a.As4()
	return Netmask{inv: ^binary.BigEndian.Uint32(b[:])}
}

// PrefixNetmask returns the mask of the given number of leading bits. Numbers
// outside of the family's range are brought to the nearest one that is inside;
// an IPv6 prefix of 0, which the kernel refuses, becomes 1.
func PrefixNetmask(af AddressFamily, n int) Netmask {
	if af == IPv6 {
		n = min(max(n, 1), 128)
		if n == 128 {
			return Netmask{}
		}
		return Netmask{v6: true, inv: uint32(128 - n)}
	}
	n = min(max(n, 0), 32)
	return Netmask{inv: uint32(1)<<(32-n) - 1}
}

// IsHost reports whether m is the zero value: every client on its own.
func (m Netmask) IsHost() bool { return m == Netmask{} }

// Addr returns the IPv4 mask as an address. An IPv6 mask gives 0.0.0.0.
func (m Netmask) Addr() netip.Addr {
	var b [4]byte
	if !m.v6 {
		binary.BigEndian.PutUint32(b[:], ^m.inv)
	}
	return netip.AddrFrom4(b)
}

// Bits returns the prefix length of m for a service of family af, and false
// when m is an IPv4 mask with holes or belongs to the other family.
func (m Netmask) Bits(af AddressFamily) (int, bool) {
	switch {
	case af == IPv6 && (m.v6 || m.IsHost()):
		return 128 - int(m.inv), true
	case af == IPv4 && !m.v6:
		n := 32 - bits.Len32(m.inv)
		return n, m.inv == uint32(1)<<(32-n)-1
	}
	return 0, false
}

// Format returns m as ipvsadm prints it for a service of family af:
// "255.255.255.0" or "64".
func (m Netmask) Format(af AddressFamily) string {
	if af == IPv6 {
		n, _ := m.Bits(af)
		return fmt.Sprint(n)
	}
	return m.Addr().String()
}

// wire returns the kernel's four bytes: an IPv4 mask in network order, or an
// IPv6 prefix length in native order.
func (m Netmask) wire(af AddressFamily) (out [4]byte, err error) {
	if m.v6 != (af == IPv6) && !m.IsHost() {
		return out, fmt.Errorf("netmask of the wrong family for %v", af)
	}
	if af == IPv6 {
		binary.NativeEndian.PutUint32(out[:], 128-m.inv)
	} else {
		binary.BigEndian.PutUint32(out[:], ^m.inv)
	}
	return out, nil
}

// parseNetmask is the reverse of wire.
func parseNetmask(af AddressFamily, b []byte) (Netmask, error) {
	if len(b) != 4 {
		return Netmask{}, fmt.Errorf("netmask of %d bytes", len(b))
	}
	if af != IPv6 {
		return Netmask{inv: ^binary.BigEndian.Uint32(b)}, nil
	}
	n := binary.NativeEndian.Uint32(b)
	if n < 1 || n > 128 {
		return Netmask{}, fmt.Errorf("IPv6 prefix length %d", n)
	}
	return PrefixNetmask(IPv6, int(n)), nil
}
