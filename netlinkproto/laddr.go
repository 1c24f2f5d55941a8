// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import "net/netip"

// LocalAddr is an address that FULLNAT or a zone takes local ports from.
type LocalAddr struct {
	Addr netip.Addr
	// PortConflicts counts how often a new connection found no free port at
	// this address.
	PortConflicts uint64
	// Conns is the number of connections that use the address now.
	Conns uint32
}

// ServiceLocalAddr is a local address together with its service.
type ServiceLocalAddr struct {
	Service ServiceKey
	LocalAddr
}

// encodeLocalAddr appends a local address of a service or zone of family af.
// The kernel cannot see every mistake: an IPv4 address in a union nf_inet_addr
// can be read as an IPv6 one.
func encodeLocalAddr(e *encoder, a netip.Addr, af AddressFamily) {
	switch {
	case !a.IsValid():
		e.fail("local address is missing")
		return
	case FamilyOf(a) != af:
		e.fail("local address %v is not %v", a, af)
		return
	}
	e.nest(ipvsFnatAttrLaddr, func(e *encoder) { e.addr(ipvsFnatLaddrAttrAddr, a) })
}

// decodeServiceLocalAddr reads an answer to GET_LADDR.
func decodeServiceLocalAddr(b []byte) (l ServiceLocalAddr, err error) {
	l.Service, err = decodeNested(b, ipvsFnatAttrService, decodeKeyAttr)
	if err != nil {
		return ServiceLocalAddr{}, err
	}
	l.LocalAddr, err = decodeLocalAddr(b, l.Service.Family)
	return l, err
}

// decodeLocalAddr reads the nested local address of b, whose family the object
// beside it says.
func decodeLocalAddr(b []byte, af AddressFamily) (LocalAddr, error) {
	return decodeNested(b, ipvsFnatAttrLaddr, func(b []byte) (LocalAddr, error) {
		return decodeLocalAddrAttr(b, af)
	})
}

func decodeLocalAddrAttr(b []byte, af AddressFamily) (LocalAddr, error) {
	var l LocalAddr
	var addr []byte
	err := walk(b, func(a attr) error {
		switch a.typ {
		case ipvsFnatLaddrAttrAddr:
			addr = a.data
		case ipvsFnatLaddrAttrPortConflict:
			return setU64(a, &l.PortConflicts)
		case ipvsFnatLaddrAttrConnCounts:
			return setU32(a, &l.Conns)
		}
		return nil
	})
	if err != nil {
		return LocalAddr{}, err
	}
	if l.Addr, err = parseInetAddr(af, addr); err != nil {
		return LocalAddr{}, malformed("local address: %w", err)
	}
	return l, nil
}
