// SPDX-License-Identifier: Apache-2.0

package render

import (
	"net/netip"
	"strconv"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// serviceOption appends the option that names a service: "-t 192.0.2.1:80".
func (p *Printer) serviceOption(k np.ServiceKey) {
	if k.FWMark != 0 {
		p.str("-f ")
		p.uint(uint64(k.FWMark))
		if k.Family == np.IPv6 {
			p.str(" -6")
		}
		return
	}
	switch k.Protocol {
	case np.TCP:
		p.str("-t ")
	case np.UDP:
		p.str("-u ")
	case np.SCTP:
		p.str("--sctp-service ")
	default:
		p.str("--xxx-service ")
	}
	p.line = spec.AppendEndpoint(p.line, k.Addr, k.Port, uint16(k.Protocol), p.namer)
}

// serviceRule prints the command that adds a service, and keeps its name for
// the real servers that follow.
func (p *Printer) serviceRule(s Service) {
	p.str("-A ")
	p.serviceOption(s.ServiceKey)
	p.name = append(p.name[:0], p.line[len("-A "):]...)
	p.serviceSettings(s)
	p.end()
}

// serviceSettings appends the options behind the service's name.
func (p *Printer) serviceSettings(s Service) {
	p.str(" -s ")
	p.str(s.Scheduler)
	if s.Flags&np.FlagPersistent != 0 {
		p.str(" -p ")
		p.uint(uint64(s.Timeout))
		if !s.Netmask.IsHost() {
			p.str(" -M ")
			p.str(s.Netmask.Format(s.Family))
		}
	}
	if s.PEName != "" {
		p.str(" --pe ")
		p.str(s.PEName)
	}
	if s.Flags&np.FlagOnePacket != 0 {
		p.str(" -o")
	}
	if bits := uint32(s.Flags) & spec.SchedFlags; bits != 0 {
		p.str(" -b ")
		p.str(spec.SaveSchedFlags(s.Scheduler, bits))
	}
	if s.SynProxy {
		p.str(" -j enable")
	}
}

// destRule prints the command that adds a real server.
func (p *Printer) destRule(d np.Dest) {
	p.str("-a ")
	p.line = append(p.line, p.name...)
	p.str(" -r ")
	p.destName(d)
	p.destSettings(d)
	p.end()
}

// destSettings appends the options behind the real server's name. ipvsadm 1.31
// leaves the thresholds out, so that they are lost with a restore; we print
// them.
func (p *Printer) destSettings(d np.Dest) {
	p.str(" ")
	p.str(methodOption(d.FwdMethod))
	p.str(" -w ")
	p.line = strconv.AppendInt(p.line, int64(d.Weight), 10)
	if d.FwdMethod == np.Tunnel && int(d.TunnelType) < len(spec.TunnelTypes) {
		p.str(" --tun-type ")
		p.str(spec.TunnelTypes[d.TunnelType])
		if d.TunnelType == np.TunnelGUE {
			p.str(" --tun-port ")
			p.uint(uint64(d.TunnelPort))
		}
		if d.TunnelType != np.TunnelIPIP {
			p.str(tunnelOption(d.TunnelFlags))
		}
	}
	if d.UpperThreshold != 0 {
		p.str(" -x ")
		p.uint(uint64(d.UpperThreshold))
	}
	if d.LowerThreshold != 0 {
		p.str(" -y ")
		p.uint(uint64(d.LowerThreshold))
	}
}

func methodOption(m np.FwdMethod) string {
	switch m {
	case np.Masquerade:
		return "-m"
	case np.Tunnel:
		return "-i"
	case np.Local, np.DirectRoute:
		return "-g"
	case np.FullNAT:
		return "-b"
	}
	return "(null)"
}

func tunnelOption(f np.TunnelFlags) string {
	switch {
	case f&np.TunnelRemCsum != 0:
		return " --tun-remcsum"
	case f&np.TunnelCsum != 0:
		return " --tun-csum"
	}
	return " --tun-nocsum"
}

// LocalAddrRule prints the command that adds a local address to a service.
func (p *Printer) LocalAddrRule(k np.ServiceKey, a netip.Addr) {
	p.str((&Lines{}).LocalAddr("-P", k, a))
	p.end()
}

// ZoneRule prints the command that adds a zone.
func (p *Printer) ZoneRule(z np.Zone) {
	p.str((&Lines{}).ZoneWith("-K", z))
	p.end()
}

// ZoneLocalAddrRule prints the command that adds a local address to a zone.
func (p *Printer) ZoneLocalAddrRule(z netip.Prefix, a netip.Addr) {
	p.str((&Lines{}).ZoneLocalAddr("-U", z, a))
	p.end()
}
