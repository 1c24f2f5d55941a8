// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"net/netip"
	"time"
)

// FullNATInfo is what the ip_vs_fullnat module says about itself.
type FullNATInfo struct {
	// Version is the module's version.
	Version string
	// Capabilities are the features that this build of the module has.
	Capabilities Capabilities
	// Conns is the number of connections it has bound in the namespace.
	Conns uint32
}

// Capabilities is a set of features of the ip_vs_fullnat module.
type Capabilities uint32

// The features.
const (
	CapFullNAT  Capabilities = ipvsFnatCapFullnat  // forwarding method FullNAT
	CapSynProxy Capabilities = ipvsFnatCapSynproxy // ServiceExt.SynProxy
	CapZone     Capabilities = ipvsFnatCapZone     // zones
	CapTOA      Capabilities = ipvsFnatCapToa      // the client's address in a TCP option
	CapDrain    Capabilities = ipvsFnatCapDrain    // Client.DrainFullNAT
)

// Has reports whether all of want are in c.
func (c Capabilities) Has(want Capabilities) bool { return c&want == want }

// decodeFullNATInfo reads an answer to GET_INFO or DRAIN of IPVS_FULLNAT.
func decodeFullNATInfo(b []byte) (FullNATInfo, error) {
	return decodeNested(b, ipvsFnatAttrInfo, func(b []byte) (i FullNATInfo, err error) {
		err = walk(b, func(a attr) error {
			switch a.typ {
			case ipvsFnatInfoAttrVersion:
				return setString(a, &i.Version)
			case ipvsFnatInfoAttrCapabilities:
				return setU32(a, &i.Capabilities)
			case ipvsFnatInfoAttrConns:
				return setU32(a, &i.Conns)
			}
			return nil
		})
		return i, err
	})
}

// Conn is a connection that ip_vs_fullnat has bound to a local address.
type Conn struct {
	Protocol Protocol
	// Client talks to Virtual; Local talks to Real on its behalf.
	Client, Virtual, Local, Real netip.AddrPort
	// State is stock's state number of the protocol.
	State uint16
	// Expires is the time until the timer fires if no packet comes.
	Expires time.Duration
}

// decodeConn reads an answer to GET_CONN.
func decodeConn(b []byte) (Conn, error) {
	return decodeNested(b, ipvsFnatAttrConn, decodeConnAttr)
}

func decodeConnAttr(b []byte) (Conn, error) {
	var c Conn
	var af AddressFamily
	var addrs [4][]byte
	var ports [4]uint16
	err := walk(b, func(a attr) error {
		switch a.typ {
		case ipvsFnatConnAttrAf:
			return setU16(a, &af)
		case ipvsFnatConnAttrProtocol:
			return setU16(a, &c.Protocol)
		case ipvsFnatConnAttrCaddr:
			addrs[0] = a.data
		case ipvsFnatConnAttrCport:
			return setBE16(a, &ports[0])
		case ipvsFnatConnAttrVaddr:
			addrs[1] = a.data
		case ipvsFnatConnAttrVport:
			return setBE16(a, &ports[1])
		case ipvsFnatConnAttrLaddr:
			addrs[2] = a.data
		case ipvsFnatConnAttrLport:
			return setBE16(a, &ports[2])
		case ipvsFnatConnAttrDaddr:
			addrs[3] = a.data
		case ipvsFnatConnAttrDport:
			return setBE16(a, &ports[3])
		case ipvsFnatConnAttrState:
			return setU16(a, &c.State)
		case ipvsFnatConnAttrExpires:
			var ms uint32
			err := setU32(a, &ms)
			c.Expires = time.Duration(ms) * time.Millisecond
			return err
		}
		return nil
	})
	if err != nil {
		return Conn{}, err
	}
	for i, to := range []*netip.AddrPort{&c.Client, &c.Virtual, &c.Local, &c.Real} {
		ip, err := parseInetAddr(af, addrs[i])
		if err != nil {
			return Conn{}, malformed("connection: %w", err)
		}
		*to = netip.AddrPortFrom(ip, ports[i])
	}
	return c, nil
}

// Counter is one of the module's counters, summed over the CPUs. The names are
// those of /proc/net/ip_vs_ext_stats.
type Counter struct {
	Name  string
	Value uint64
}

// decodeCounter reads an answer to GET_STATS.
func decodeCounter(b []byte) (Counter, error) {
	return decodeNested(b, ipvsFnatAttrStat, func(b []byte) (c Counter, err error) {
		err = walk(b, func(a attr) error {
			switch a.typ {
			case ipvsFnatStatAttrName:
				return setString(a, &c.Name)
			case ipvsFnatStatAttrValue:
				return setU64(a, &c.Value)
			}
			return nil
		})
		return c, err
	})
}
