// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strconv"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// Columns at which ipvsadm cuts names of services and of real servers that are
// not IPv6.
const (
	serviceWidth = 33
	destWidth    = 28
)

const plainTitle = "Prot LocalAddress:Port Scheduler Flags\n" +
	"  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"

// columns makes a title out of the five heads of numeric columns.
func columns(width string, heads ...any) string {
	return fmt.Sprintf("%-33s"+width+"\n  -> RemoteAddress:Port\n",
		append([]any{"Prot LocalAddress:Port"}, heads...)...)
}

// title returns the lines above the table.
func (f Format) title() string {
	switch {
	case f.Stats:
		return columns(" %8s %8s %8s %8s %8s", "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes")
	case f.Rate:
		return columns(" %8s %8s %8s %8s %8s", "CPS", "InPPS", "OutPPS", "InBPS", "OutBPS")
	case f.Thresholds:
		return columns(" %-10s %-10s %-10s %-10s",
			"Uthreshold", "Lthreshold", "ActiveConn", "InActConn")
	case f.PersistentConn:
		return columns(" %-9s %-11s %-10s %-10s",
			"Weight", "PersistConn", "ActiveConn", "InActConn")
	case f.TunInfo:
		return "Prot LocalAddress:Port Scheduler Flags\n" +
			"  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n"
	case f.Rule:
		return ""
	}
	return plainTitle
}

// Version prints the first line of the list.
func (p *Printer) Version(i np.Info) {
	p.str("IP Virtual Server version ")
	p.str(i.Version.String())
	p.str(" (size=")
	p.line = strconv.AppendInt(p.line, int64(int32(i.ConnTableSize)), 10)
	p.str(")")
	p.end()
}

// Title prints the heads of the columns.
func (p *Printer) Title() { p.w.WriteString(p.format.title()) }

// Service prints the line of a service. The real servers that follow belong to
// it.
func (p *Printer) Service(s Service) {
	p.svc = s.ServiceKey
	if p.format.Rule {
		p.serviceRule(s)
		return
	}
	p.line = p.serviceName(p.line)
	switch {
	case p.format.Stats:
		p.pad(0, serviceWidth)
		p.counters(&s.Stats)
	case p.format.Rate:
		p.pad(0, serviceWidth)
		p.rates(&s.Stats)
	default:
		p.settings(s)
	}
	p.end()
}

// serviceName appends protocol and address, or the firewall mark.
func (p *Printer) serviceName(dst []byte) []byte {
	k := p.svc
	if k.FWMark != 0 {
		dst = append(dst, "FWM  "...)
		dst = strconv.AppendUint(dst, uint64(k.FWMark), 10)
		if k.Family == np.IPv6 {
			dst = append(dst, " IPv6"...)
		}
		return dst
	}
	from := len(dst)
	dst = fmt.Appendf(dst, "%-4s ", protocolName(k.Protocol))
	dst = spec.AppendEndpoint(dst, k.Addr, k.Port, uint16(k.Protocol), p.namer)
	if !k.Addr.Is6() && len(dst)-from > serviceWidth {
		dst = dst[:from+serviceWidth]
	}
	return dst
}

func protocolName(p np.Protocol) string {
	switch p {
	case np.TCP:
		return "TCP"
	case np.UDP:
		return "UDP"
	case np.SCTP:
		return "SCTP"
	}
	return "?"
}

// settings appends scheduler and flags of a service.
func (p *Printer) settings(s Service) {
	p.str(" ")
	p.str(s.Scheduler)
	if bits := uint32(s.Flags) & spec.SchedFlags; bits != 0 {
		p.str(" (")
		p.str(spec.FormatSchedFlags(s.Scheduler, bits))
		p.str(")")
	}
	if s.Flags&np.FlagPersistent != 0 {
		p.str(" persistent ")
		p.uint(uint64(s.Timeout))
		if !s.Netmask.IsHost() {
			p.str(" mask ")
			p.str(s.Netmask.Format(s.Family))
		}
		if s.PEName != "" {
			p.str(" pe ")
			p.str(s.PEName)
		}
	}
	if s.Flags&np.FlagOnePacket != 0 {
		p.str(" ops")
	}
	if s.SynProxy {
		p.str(" synproxy")
	}
}

// Dest prints the line of a real server of the service that was printed last.
func (p *Printer) Dest(d np.Dest) {
	if p.format.Rule {
		p.destRule(d)
		return
	}
	p.str("  -> ")
	from := len(p.line)
	p.destName(d)
	if !d.Addr.Is6() && len(p.line)-from > destWidth {
		p.line = p.line[:from+destWidth]
	}
	p.pad(from, destWidth)
	p.destColumns(&d)
	p.end()
}

func (p *Printer) destName(d np.Dest) {
	p.line = spec.AppendEndpoint(p.line, d.Addr, d.Port, uint16(p.svc.Protocol), p.namer)
}

// destColumns appends what the list shows of a real server.
func (p *Printer) destColumns(d *np.Dest) {
	switch f := p.format; {
	case f.Stats:
		p.counters(&d.Stats)
	case f.Rate:
		for _, n := range [...]uint64{d.Stats.CPS, d.Stats.InPPS, d.Stats.OutPPS} {
			p.str(" ")
			p.right(n, 8) // never shortened, unlike the service's
		}
		p.large(d.Stats.InBPS)
		p.large(d.Stats.OutBPS)
	case f.Thresholds:
		p.cells(10, d.UpperThreshold, 10, d.LowerThreshold)
		p.cells(10, d.ActiveConns, 10, d.InactiveConns)
	case f.PersistentConn:
		p.cells(9, uint32(d.Weight), 11, d.PersistentConns)
		p.cells(10, d.ActiveConns, 10, d.InactiveConns)
	default:
		p.str(" ")
		p.left(methodName(d.FwdMethod), 7)
		if f.TunInfo {
			p.str(" ")
			p.left(tunnelInfo(d), 13)
		}
		p.str(" ")
		p.left(strconv.Itoa(int(d.Weight)), 6)
		p.cells(10, d.ActiveConns, 10, d.InactiveConns)
	}
}

// cells appends two numbers in columns of the given widths.
func (p *Printer) cells(wa int, a uint32, wb int, b uint32) {
	p.str(" ")
	p.leftUint(uint64(a), wa)
	p.str(" ")
	p.leftUint(uint64(b), wb)
}

// methodName names a forwarding method; those without a name look as C prints
// a missing string.
func methodName(m np.FwdMethod) string {
	switch m {
	case np.Masquerade, np.Local, np.Tunnel, np.DirectRoute, np.FullNAT:
		return m.String()
	}
	return "(null)"
}

// tunnelInfo describes the encapsulation of a real server.
func tunnelInfo(d *np.Dest) string {
	if d.FwdMethod != np.Tunnel || int(d.TunnelType) >= len(spec.TunnelTypes) {
		return "n/a"
	}
	name := spec.TunnelTypes[d.TunnelType]
	switch d.TunnelType {
	case np.TunnelGUE:
		return fmt.Sprintf("%s:%d:%s", name, d.TunnelPort, tunnelCsum(d.TunnelFlags))
	case np.TunnelGRE:
		return name + ":" + tunnelCsum(d.TunnelFlags)
	}
	return name
}

func tunnelCsum(f np.TunnelFlags) string {
	switch {
	case f&np.TunnelRemCsum != 0:
		return "r+c"
	case f&np.TunnelCsum != 0:
		return "+c"
	}
	return "-c"
}
