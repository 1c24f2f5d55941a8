// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// mapSettings is struct toa_settings of bpf/toa_maps.h.
type mapSettings struct {
	Mode  uint32
	Kinds Kinds
}

// trustedKey is struct toa_trusted_key: a network, and how many bits of what
// is behind the first field count.
type trustedKey struct {
	Bits   uint32
	Family uint8
	Addr   [16]byte
}

const familyBits = 8

func newTrustedKey(p netip.Prefix) trustedKey {
	key := trustedKey{Bits: uint32(familyBits + p.Bits()), Family: 6}
	if p.Addr().Is4() {
		key.Family = 4
		addr := p.Addr().As4()
		copy(key.Addr[:], addr[:])
		return key
	}
	key.Addr = p.Addr().As16()
	return key
}

func (k trustedKey) prefix() netip.Prefix {
	addr := netip.AddrFrom16(k.Addr)
	if k.Family == 4 {
		addr = netip.AddrFrom4([4]byte(k.Addr[:4]))
	}
	return netip.PrefixFrom(addr, int(k.Bits)-familyBits)
}

// listedSize is that of struct toa_listed.
const listedSize = 64

// Conn is a connection whose client is known.
type Conn struct {
	Local, Peer netip.AddrPort // on the wire
	Client      netip.AddrPort
	Netns       uint32 // inode of the network namespace
}

// decodeConn reads a struct toa_listed: addresses and ports in network order, but
// the local port.
func decodeConn(b []byte) (Conn, error) {
	if len(b) < listedSize {
		return Conn{}, fmt.Errorf("%d bytes of a connection, which has %d", len(b), listedSize)
	}
	end := func(at int, port uint16) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[at:at+16])).Unmap(), port)
	}
	return Conn{
		Local:  end(0, binary.LittleEndian.Uint16(b[48:])),
		Peer:   end(16, binary.BigEndian.Uint16(b[50:])),
		Client: end(32, binary.BigEndian.Uint16(b[52:])),
		Netns:  binary.LittleEndian.Uint32(b[56:]),
	}, nil
}
