// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
)

// ZoneLocalAddr is a local address together with its zone.
type ZoneLocalAddr struct {
	Zone netip.Prefix
	LocalAddr
}

// ZoneSelect is how a zone chooses a local address for a new connection.
type ZoneSelect uint8

// The ways to choose: in turn, by the source address, by source and destination.
const (
	SelectRR  ZoneSelect = ipvsFnatZoneSelectRr
	SelectSH  ZoneSelect = ipvsFnatZoneSelectSh
	SelectSDH ZoneSelect = ipvsFnatZoneSelectSdh
)

var zoneSelectNames = [...]string{SelectRR: "rr", SelectSH: "sh", SelectSDH: "sdh"}

// String returns "rr", "sh" or "sdh".
func (s ZoneSelect) String() string {
	if int(s) < len(zoneSelectNames) {
		return zoneSelectNames[s]
	}
	return fmt.Sprintf("ZoneSelect(%d)", uint8(s))
}

// ParseZoneSelect reads what String returns.
func ParseZoneSelect(s string) (ZoneSelect, bool) {
	i := slices.Index(zoneSelectNames[:], s)
	return ZoneSelect(max(i, 0)), i >= 0
}

// ZoneSettings is what can be set of a zone.
type ZoneSettings struct {
	Select ZoneSelect
	// Limit is how many connections a source may have, 0 for any number.
	Limit uint32
}

// Zone is a zone with its settings.
type Zone struct {
	netip.Prefix
	ZoneSettings
}

// encode appends the zone with its settings.
func (z Zone) encode(e *encoder) {
	zone{z.Prefix}.encodeWith(e, func(e *encoder) {
		e.u8(ipvsFnatZoneAttrSelect, uint8(z.Select))
		e.u32(ipvsFnatZoneAttrLimit, z.Limit)
	})
}

// zone is a netip.Prefix with the protocol's encoding.
type zone struct{ netip.Prefix }

// String returns "zone 192.0.2.0/24".
func (z zone) String() string { return "zone " + z.Prefix.String() }

// encode appends the zone. IPv4 is sent as the extended protocol of older
// systems has it, an address and a mask; IPv6 has a prefix length.
func (z zone) encode(e *encoder) { z.encodeWith(e, func(*encoder) {}) }

// encodeWith does the same and lets more append to the nest.
func (z zone) encodeWith(e *encoder, more func(*encoder)) {
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
		more(e)
	})
}

// decodeZone reads the network of an answer to GET_ZONE.
func decodeZone(b []byte) (netip.Prefix, error) {
	return decodeNested(b, ipvsFnatAttrZone, decodeZoneAttr)
}

// decodeZoneSettings reads an answer to GET_ZONE.
func decodeZoneSettings(b []byte) (z Zone, err error) {
	if z.Prefix, err = decodeZone(b); err != nil {
		return Zone{}, err
	}
	z.ZoneSettings, err = decodeNested(b, ipvsFnatAttrZone, decodeZoneSettingsAttr)
	return z, err
}

func decodeZoneSettingsAttr(b []byte) (s ZoneSettings, err error) {
	err = walk(b, func(a attr) error {
		switch a.typ {
		case ipvsFnatZoneAttrSelect:
			return setU8(a, (*uint8)(&s.Select))
		case ipvsFnatZoneAttrLimit:
			return setU32(a, &s.Limit)
		}
		return nil
	})
	return s, err
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
