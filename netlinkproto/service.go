// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// ServiceKey says which service is meant, in both families. It is comparable,
// so it can be a map key. A key with a FWMark other than zero needs only Family
// beside it; any other key needs Protocol and Addr, and its Family may be left
// zero, then Addr decides.
type ServiceKey struct {
	Family   AddressFamily
	Protocol Protocol
	Addr     netip.Addr
	Port     uint16
	FWMark   uint32
}

// TCPService returns the key of a TCP service.
func TCPService(a netip.AddrPort) ServiceKey { return addrService(TCP, a) }

// UDPService returns the key of a UDP service.
func UDPService(a netip.AddrPort) ServiceKey { return addrService(UDP, a) }

// SCTPService returns the key of an SCTP service.
func SCTPService(a netip.AddrPort) ServiceKey { return addrService(SCTP, a) }

func addrService(p Protocol, a netip.AddrPort) ServiceKey {
	return ServiceKey{Family: FamilyOf(a.Addr()), Protocol: p, Addr: a.Addr(), Port: a.Port()}
}

// FWMarkService returns the key of the service for packets of family af that
// carry the firewall mark.
func FWMarkService(af AddressFamily, mark uint32) ServiceKey {
	return ServiceKey{Family: af, FWMark: mark}
}

// String returns the key as messages show it: "tcp 192.0.2.1:80" or
// "fwmark 7 IPv6".
func (k ServiceKey) String() string {
	if k.FWMark != 0 {
		return fmt.Sprintf("fwmark %d %v", k.FWMark, k.Family)
	}
	return fmt.Sprintf("%v %v", k.Protocol, netip.AddrPortFrom(k.Addr, k.Port))
}

// ServiceFlags are the option bits of a service.
type ServiceFlags uint32

// The flags that can be set. The meaning of the scheduler flags depends on the
// scheduler; FlagSHFallback and FlagSHPort are those of sh, and mh uses the
// same two bits.
const (
	FlagPersistent ServiceFlags = ipvsSvcFPersistent
	FlagHashed     ServiceFlags = ipvsSvcFHashed // set by the kernel alone, never sent
	FlagOnePacket  ServiceFlags = ipvsSvcFOnepacket
	FlagSched1     ServiceFlags = ipvsSvcFSched1
	FlagSched2     ServiceFlags = ipvsSvcFSched2
	FlagSched3     ServiceFlags = ipvsSvcFSched3

	FlagSHFallback = FlagSched1
	FlagSHPort     = FlagSched2
)

// Service is a virtual service of stock IPVS.
type Service struct {
	ServiceKey

	// Scheduler is the scheduler's name, such as "wlc". The kernel reports
	// "none" for a service that has lost its scheduler.
	Scheduler string
	// Flags are all of the service's flags. Setting a service replaces
	// them; FlagHashed is the kernel's own and is not sent.
	Flags ServiceFlags
	// Timeout is the persistence timeout in seconds. It matters only with
	// FlagPersistent.
	Timeout uint32
	// Netmask is the persistence granularity.
	Netmask Netmask
	// PEName is the persistence engine, such as "sip", or empty.
	PEName string

	// Stats is only read, never sent.
	Stats Stats
}

// family returns the address family, which the address may have to tell.
func (k ServiceKey) family() AddressFamily {
	if k.Family == 0 {
		return FamilyOf(k.Addr)
	}
	return k.Family
}

// encode appends the key as the nested service attribute, which both families
// lay out alike.
func (k ServiceKey) encode(e *encoder) {
	e.nest(ipvsCmdAttrService, k.encodeFields)
}

func (k ServiceKey) encodeFields(e *encoder) {
	af := k.family()
	switch {
	case af == 0:
		e.fail("service without address family")
		return
	case k.FWMark != 0:
		e.u16(ipvsSvcAttrAf, uint16(af))
		e.u32(ipvsSvcAttrFwmark, k.FWMark)
		return
	case FamilyOf(k.Addr) != af:
		e.fail("service of family %v with address %v", af, k.Addr)
		return
	}
	e.u16(ipvsSvcAttrAf, uint16(af))
	e.u16(ipvsSvcAttrProtocol, uint16(k.Protocol))
	e.addr(ipvsSvcAttrAddr, k.Addr)
	e.be16(ipvsSvcAttrPort, k.Port)
}

// encode appends the whole service.
func (s Service) encode(e *encoder) {
	e.nest(ipvsCmdAttrService, func(e *encoder) {
		s.encodeFields(e)
		e.str(ipvsSvcAttrSchedName, "scheduler", s.Scheduler, ipvsSchednameMaxlen)
		if s.PEName != "" {
			e.str(ipvsSvcAttrPeName, "persistence engine", s.PEName, ipvsPenameMaxlen)
		}
		// ip_vs_svc_hash leaves a new service out of the table when the
		// request claims that it is hashed.
		e.bytes(ipvsSvcAttrFlags, flagsAndMask(s.Flags&^FlagHashed))
		e.u32(ipvsSvcAttrTimeout, s.Timeout)
		mask, err := s.Netmask.wire(s.family())
		if err != nil {
			e.fail("%w", err)
		}
		e.bytes(ipvsSvcAttrNetmask, mask[:])
	})
}

// flagsAndMask lays out struct ip_vs_flags with all bits to be set.
func flagsAndMask(f ServiceFlags) []byte {
	b := make([]byte, 8)
	binary.NativeEndian.PutUint32(b, uint32(f))
	binary.NativeEndian.PutUint32(b[4:], ^uint32(0))
	return b
}

// keyParser collects the attributes of a key. Address and netmask can only be
// read when the family is known, and nothing says that it comes first.
type keyParser struct {
	key  ServiceKey
	addr []byte
}

func (p *keyParser) take(a attr) error {
	switch a.typ {
	case ipvsSvcAttrAf:
		return setU16(a, &p.key.Family)
	case ipvsSvcAttrProtocol:
		return setU16(a, &p.key.Protocol)
	case ipvsSvcAttrAddr:
		p.addr = a.data
	case ipvsSvcAttrPort:
		return setBE16(a, &p.key.Port)
	case ipvsSvcAttrFwmark:
		return setU32(a, &p.key.FWMark)
	}
	return nil
}

func (p *keyParser) finish() (ServiceKey, error) {
	if p.key.FWMark != 0 {
		return ServiceKey{Family: p.key.Family, FWMark: p.key.FWMark}, nil
	}
	a, err := parseInetAddr(p.key.Family, p.addr)
	if err != nil {
		return ServiceKey{}, malformed("service: %w", err)
	}
	p.key.Addr = a
	return p.key, nil
}

// decodeService reads an answer to GET_SERVICE.
func decodeService(b []byte) (Service, error) {
	return decodeNested(b, ipvsCmdAttrService, decodeServiceAttr)
}

func decodeServiceAttr(b []byte) (Service, error) {
	var s Service
	var key keyParser
	var stats statsParser
	var mask []byte
	err := walk(b, func(a attr) error {
		switch a.typ {
		case ipvsSvcAttrSchedName:
			return setString(a, &s.Scheduler)
		case ipvsSvcAttrPeName:
			return setString(a, &s.PEName)
		case ipvsSvcAttrFlags:
			// struct ip_vs_flags: the mask behind the flags says
			// nothing in an answer.
			if len(a.data) < 4 {
				return a.size(8)
			}
			s.Flags = ServiceFlags(binary.NativeEndian.Uint32(a.data))
		case ipvsSvcAttrTimeout:
			return setU32(a, &s.Timeout)
		case ipvsSvcAttrNetmask:
			mask = a.data
		case ipvsSvcAttrStats:
			stats.narrow = a.data
		case ipvsSvcAttrStats64:
			stats.wide = a.data
		}
		return key.take(a)
	})
	if err != nil {
		return Service{}, err
	}
	if s.ServiceKey, err = key.finish(); err != nil {
		return Service{}, err
	}
	if s.Stats, err = stats.finish(); err != nil {
		return Service{}, err
	}
	if mask != nil {
		if s.Netmask, err = parseNetmask(s.Family, mask); err != nil {
			return Service{}, malformed("service %v: %w", s.ServiceKey, err)
		}
	}
	return s, nil
}
