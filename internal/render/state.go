// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/procfs"
	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// Timeouts prints the connection timeouts.
func (p *Printer) Timeouts(t np.Timeouts) {
	p.line = fmt.Appendf(p.line, "Timeout (tcp tcpfin udp): %d %d %d",
		int32(t.TCP), int32(t.TCPFin), int32(t.UDP))
	p.end()
}

// DaemonTitle prints nothing: the list of daemons has no head.
func (p *Printer) DaemonTitle() {}

// Daemon prints a synchronisation daemon.
func (p *Printer) Daemon(d np.Daemon) {
	p.line = fmt.Appendf(p.line, "%s sync daemon (mcast=%s, syncid=%d", d.State, d.Interface, d.SyncID)
	if d.SyncMaxLen != 0 {
		p.line = fmt.Appendf(p.line, ", maxlen=%d", d.SyncMaxLen)
	}
	if d.McastGroup.IsValid() {
		p.line = spec.AppendAddr(append(p.line, ", group="...), d.McastGroup)
	}
	if d.McastPort != 0 {
		p.line = fmt.Appendf(p.line, ", port=%d", d.McastPort)
	}
	if d.McastTTL != 0 {
		p.line = fmt.Appendf(p.line, ", ttl=%d", d.McastTTL)
	}
	p.str(")")
	p.end()
}

// ConnTitle prints the lines above the list of connections.
func (p *Printer) ConnTitle() {
	p.str("IPVS connection entries\n")
	p.str("pro expire ")
	if p.format.Local {
		p.line = fmt.Appendf(p.line, "%-11s %-18s %-18s %-18s %s",
			"state", "source", "virtual", "local", "destination")
		p.end()
		return
	}
	if p.format.PersistentConn {
		p.line = fmt.Appendf(p.line, "%-11s %-18s %-18s %-18s %-16s %s",
			"state", "source", "virtual", "destination", "pe name", "pe_data")
	} else {
		p.line = fmt.Appendf(p.line, "%-11s %-18s %-18s %s",
			"state", "source", "virtual", "destination")
	}
	p.end()
}

// Conn prints a connection.
func (p *Printer) Conn(c *procfs.Conn) {
	p.left(c.Protocol, 3)
	p.str(" ")
	from := len(p.line)
	p.line = fmt.Appendf(p.line, "%02d:%02d", c.Expires/60, c.Expires%60)
	p.pad(from, 6)
	p.str(" ")
	p.left(c.State, 11)
	proto := c.ProtocolNumber()
	width := 18
	for i, e := range [...]procfs.AddrPort{c.Client, c.Virtual, c.Dest} {
		if i == 2 && p.format.Local {
			p.localAddr(c, proto, width)
		}
		p.str(" ")
		from = len(p.line)
		p.line = spec.AppendEndpoint(p.line, e.Addr, e.Port, proto, p.namer)
		if i < 2 {
			p.pad(from, width)
		}
	}
	if p.format.PersistentConn && !p.format.Local && c.PEName != "" && c.PEData != "" {
		p.pad(from, 16)
		p.str(" ")
		p.left(c.PEName, 18)
		p.str(" ")
		p.str(c.PEData)
	}
	p.end()
}

// localAddr appends the column of the local address, a dash for a connection
// without one.
func (p *Printer) localAddr(c *procfs.Conn, proto uint16, width int) {
	p.str(" ")
	from := len(p.line)
	if c.Local.Addr.IsValid() {
		p.line = spec.AppendEndpoint(p.line, c.Local.Addr, c.Local.Port, proto, p.namer)
	} else {
		p.str("-")
	}
	p.pad(from, width)
}
