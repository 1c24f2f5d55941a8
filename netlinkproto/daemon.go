// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"fmt"
	"net/netip"
)

// DaemonState is the role of a connection synchronisation daemon.
type DaemonState uint32

// The two roles. A namespace can have one daemon of each.
const (
	DaemonMaster DaemonState = ipvsStateMaster
	DaemonBackup DaemonState = ipvsStateBackup
)

// String returns "master", "backup" or the number.
func (s DaemonState) String() string {
	switch s {
	case DaemonMaster:
		return "master"
	case DaemonBackup:
		return "backup"
	}
	return fmt.Sprintf("DaemonState(%d)", uint32(s))
}

// Daemon is a connection synchronisation daemon.
type Daemon struct {
	State DaemonState
	// Interface is the network interface that carries the messages.
	Interface string
	// SyncID is 0 to 255; a backup with 0 accepts every master.
	SyncID uint32

	// SyncMaxLen, McastGroup, McastPort and McastTTL are not sent when they
	// are zero; the kernel then takes its defaults. They need Linux 4.3.
	SyncMaxLen uint16
	McastGroup netip.Addr
	McastPort  uint16
	McastTTL   uint8
}

func (d Daemon) encode(e *encoder) {
	e.nest(ipvsCmdAttrDaemon, func(e *encoder) {
		e.u32(ipvsDaemonAttrState, uint32(d.State))
		e.str(ipvsDaemonAttrMcastIfn, "interface", d.Interface, ipvsIfnameMaxlen)
		e.u32(ipvsDaemonAttrSyncId, d.SyncID)
		if d.SyncMaxLen != 0 {
			e.u16(ipvsDaemonAttrSyncMaxlen, d.SyncMaxLen)
		}
		if d.McastGroup.Is4() {
			v4 := d.McastGroup.As4()
			e.bytes(ipvsDaemonAttrMcastGroup, v4[:])
		} else if d.McastGroup.Is6() {
			v6 := d.McastGroup.As16()
			e.bytes(ipvsDaemonAttrMcastGroup6, v6[:])
		}
		if d.McastPort != 0 {
			e.u16(ipvsDaemonAttrMcastPort, d.McastPort)
		}
		if d.McastTTL != 0 {
			e.u8(ipvsDaemonAttrMcastTtl, d.McastTTL)
		}
	})
}

// decodeDaemon reads an answer to GET_DAEMON.
func decodeDaemon(b []byte) (Daemon, error) {
	return decodeNested(b, ipvsCmdAttrDaemon, func(b []byte) (d Daemon, err error) {
		err = walk(b, d.take)
		return d, err
	})
}

func (d *Daemon) take(a attr) (err error) {
	switch a.typ {
	case ipvsDaemonAttrState:
		return setU32(a, &d.State)
	case ipvsDaemonAttrMcastIfn:
		return setString(a, &d.Interface)
	case ipvsDaemonAttrSyncId:
		return setU32(a, &d.SyncID)
	case ipvsDaemonAttrSyncMaxlen:
		return setU16(a, &d.SyncMaxLen)
	case ipvsDaemonAttrMcastGroup:
		d.McastGroup, err = mcastGroup(IPv4, a)
	case ipvsDaemonAttrMcastGroup6:
		d.McastGroup, err = mcastGroup(IPv6, a)
	case ipvsDaemonAttrMcastPort:
		return setU16(a, &d.McastPort)
	case ipvsDaemonAttrMcastTtl:
		return setU8(a, &d.McastTTL)
	}
	return err
}

func mcastGroup(af AddressFamily, a attr) (netip.Addr, error) {
	g, err := parseInetAddr(af, a.data)
	if err != nil {
		return g, malformed("multicast group: %w", err)
	}
	return g, nil
}
