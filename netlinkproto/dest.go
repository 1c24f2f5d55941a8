// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"fmt"
	"net/netip"
)

// FwdMethod is how packets reach a real server.
type FwdMethod uint32

// The forwarding methods. Local, Bypass and FullNAT are stored by stock IPVS
// like any other; FullNAT forwards only when ip_vs_fullnat is loaded.
const (
	Masquerade  FwdMethod = ipvsConnFMasq
	Local       FwdMethod = ipvsConnFLocalnode
	Tunnel      FwdMethod = ipvsConnFTunnel
	DirectRoute FwdMethod = ipvsConnFDroute
	Bypass      FwdMethod = ipvsConnFBypass
	FullNAT     FwdMethod = ipvsFnatFwdMethod
)

// String returns the method as ipvsadm's list names it.
func (m FwdMethod) String() string {
	switch m {
	case Masquerade:
		return "Masq"
	case Local:
		return "Local"
	case Tunnel:
		return "Tunnel"
	case DirectRoute:
		return "Route"
	case Bypass:
		return "Bypass"
	case FullNAT:
		return "FullNat"
	}
	return fmt.Sprintf("FwdMethod(%d)", uint32(m))
}

// TunnelType is the encapsulation of the method Tunnel.
type TunnelType uint8

// The encapsulations; GUE needs Linux 5.3, GRE 5.4.
const (
	TunnelIPIP TunnelType = ipvsConnFTunnelTypeIpip
	TunnelGUE  TunnelType = ipvsConnFTunnelTypeGue
	TunnelGRE  TunnelType = ipvsConnFTunnelTypeGre
)

// TunnelFlags are the checksum options of an encapsulation.
type TunnelFlags uint16

// The checksum options. None set is the option "no checksum".
const (
	TunnelCsum    TunnelFlags = ipvsTunnelEncapFlagCsum
	TunnelRemCsum TunnelFlags = ipvsTunnelEncapFlagRemcsum
)

// DestKey says which real server of a service is meant. It is comparable.
type DestKey struct {
	Addr netip.Addr
	Port uint16
}

// String returns "192.0.2.1:80" or "[2001:db8::1]:80".
func (k DestKey) String() string { return netip.AddrPortFrom(k.Addr, k.Port).String() }

// Dest is a real server of a service. Its address family is that of Addr and
// may differ from the service's where the method is Tunnel.
type Dest struct {
	DestKey

	// FwdMethod is the forwarding method.
	FwdMethod FwdMethod
	// Weight is the scheduling weight; 0 takes no new connections.
	Weight int32
	// UpperThreshold and LowerThreshold bound the number of connections; 0
	// is no bound.
	UpperThreshold, LowerThreshold uint32

	// TunnelType, TunnelPort and TunnelFlags matter only for the method
	// Tunnel. TunnelPort is the GUE port.
	TunnelType  TunnelType
	TunnelPort  uint16
	TunnelFlags TunnelFlags

	// ActiveConns, InactiveConns, PersistentConns and Stats are only read,
	// never sent.
	ActiveConns, InactiveConns, PersistentConns uint32
	Stats                                       Stats
}

// encode appends the identifying fields.
func (k DestKey) encode(e *encoder) {
	if !k.Addr.IsValid() {
		e.fail("server without an address")
		return
	}
	e.u16(ipvsDestAttrAddrFamily, uint16(FamilyOf(k.Addr)))
	e.addr(ipvsDestAttrAddr, k.Addr)
	e.be16(ipvsDestAttrPort, k.Port)
}

// encode appends the whole real server. The attributes of the encapsulation go
// only with the method Tunnel: elsewhere they mean nothing.
func (d Dest) encode(e *encoder) {
	e.nest(ipvsCmdAttrDest, func(e *encoder) {
		d.DestKey.encode(e)
		e.u32(ipvsDestAttrFwdMethod, uint32(d.FwdMethod))
		e.u32(ipvsDestAttrWeight, uint32(d.Weight))
		e.u32(ipvsDestAttrUThresh, d.UpperThreshold)
		e.u32(ipvsDestAttrLThresh, d.LowerThreshold)
		if d.FwdMethod == Tunnel {
			e.u8(ipvsDestAttrTunType, uint8(d.TunnelType))
			e.be16(ipvsDestAttrTunPort, d.TunnelPort)
			e.u16(ipvsDestAttrTunFlags, uint16(d.TunnelFlags))
		}
	})
}

// destDecoder returns the decoder for answers to GET_DEST about the service k,
// whose family a real server has when the kernel does not say.
func destDecoder(k ServiceKey) func([]byte) (Dest, error) {
	af := k.family()
	return func(b []byte) (Dest, error) {
		return decodeNested(b, ipvsCmdAttrDest, func(b []byte) (Dest, error) {
			return decodeDestAttr(b, af)
		})
	}
}

func decodeDestAttr(b []byte, af AddressFamily) (Dest, error) {
	var d Dest
	var addr []byte
	var stats statsParser
	err := walk(b, func(a attr) error {
		switch a.typ {
		case ipvsDestAttrAddr:
			addr = a.data
		case ipvsDestAttrAddrFamily:
			return setU16(a, &af)
		case ipvsDestAttrPort:
			return setBE16(a, &d.Port)
		case ipvsDestAttrStats:
			stats.narrow = a.data
		case ipvsDestAttrStats64:
			stats.wide = a.data
		default:
			return d.take(a)
		}
		return nil
	})
	if err != nil {
		return Dest{}, err
	}
	if d.Addr, err = parseInetAddr(af, addr); err != nil {
		return Dest{}, malformed("server: %w", err)
	}
	if d.Stats, err = stats.finish(); err != nil {
		return Dest{}, err
	}
	return d, nil
}

// take stores the attributes that need no other one.
func (d *Dest) take(a attr) error {
	switch a.typ {
	case ipvsDestAttrFwdMethod:
		return setU32(a, &d.FwdMethod)
	case ipvsDestAttrWeight:
		return setU32(a, &d.Weight)
	case ipvsDestAttrUThresh:
		return setU32(a, &d.UpperThreshold)
	case ipvsDestAttrLThresh:
		return setU32(a, &d.LowerThreshold)
	case ipvsDestAttrActiveConns:
		return setU32(a, &d.ActiveConns)
	case ipvsDestAttrInactConns:
		return setU32(a, &d.InactiveConns)
	case ipvsDestAttrPersistConns:
		return setU32(a, &d.PersistentConns)
	case ipvsDestAttrTunType:
		return setU8(a, &d.TunnelType)
	case ipvsDestAttrTunPort:
		return setBE16(a, &d.TunnelPort)
	case ipvsDestAttrTunFlags:
		return setU16(a, &d.TunnelFlags)
	}
	return nil
}
