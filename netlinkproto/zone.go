// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// ZoneLocalAddr is a local address together with its zone.
type ZoneLocalAddr struct {
	Zone netip.Prefix
	LocalAddr
}

// zone is a netip.Prefix with the protocol's encoding.
type zone struct{ netip.Prefix }

// String returns "zone 192.0.2.0/24".
func (z zone) String() string { return "zone " + z.Prefix.String() }

// encode appends the zone. IPv4 is sent as the extended protocol of older
// systems has it, an address and a mask; IPv6 has a prefix length.
func (z zone) encode(e *encoder) {
	if !z.IsValid() {
		e.fail("zone is missing")
		return
	}
	if z.Masked() != z.Prefix {
		e.fail("zone %v has host bits set, its network is %v", z.Prefix, z.Masked())
		return
	}
	e.nest(ipvsFnatAttrZone, func(e *encoder) {
		e.addr(ipvsFnatZoneAttrAddr, z.Addr())
		if z.Addr().Is4() {
			var mask [4]byte
			binary.BigEndian.PutUint32(mask[:], ^(uint32(1)<<(32-z.Bits()) - 1))
			e.bytes(ipvsFnatZoneAttrNetmask, mask[:])
		} else {
			e.u8(ipvsFnatZoneAttrPrefixlen, uint8(z.Bits()))
		}
		e.u16(ipvsFnatZoneAttrAf, uint16(FamilyOf(z.Addr())))
	})
}

// decodeZone reads an answer to GET_ZONE.
func decodeZone(b []byte) (netip.Prefix, error) {
	return decodeNested(b, ipvsFnatAttrZone, decodeZoneAttr)
}

// decodeZoneLocalAddr reads an answer to GET_LADDR_ZONE.
func decodeZoneLocalAddr(b []byte) (l ZoneLocalAddr, err error) {
	if l.Zone, err = decodeZone(b); err != nil {
		return ZoneLocalAddr{}, err
	}
	l.LocalAddr, err = decodeLocalAddr(b, FamilyOf(l.Zone.Addr()))
	return l, err
}

func decodeZoneAttr(b []byte) (netip.Prefix, error) {
	af, n := IPv4, -1
	var addr []byte
	err := walk(b, func(a attr) error {
		switch a.typ {
		case ipvsFnatZoneAttrAddr:
			addr = a.data
		case ipvsFnatZoneAttrAf:
			return setU16(a, &af)
		case ipvsFnatZoneAttrPrefixlen:
			var v uint8
			err := setU8(a, &v)
			n = int(v)
			return err
		case ipvsFnatZoneAttrNetmask:
			if err := a.size(4); err != nil {
				return err
			}
			m := binary.BigEndian.Uint32(a.data)
			if n = bits.LeadingZeros32(^m); m != ^uint32(0)<<(32-n) {
				return malformed("zone with the mask %#x", m)
			}
		}
		return nil
	})
	if err != nil {
		return netip.Prefix{}, err
	}
	a, err := parseInetAddr(af, addr)
	if err != nil {
		return netip.Prefix{}, malformed("zone: %w", err)
	}
	z := netip.PrefixFrom(a, n)
	if !z.IsValid() {
		return netip.Prefix{}, malformed("zone %v with a prefix length of %d", a, n)
	}
	return z, nil
}
