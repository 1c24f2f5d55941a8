// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net/netip"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/render"
)

// planner collects the command lines that lead from one table to another.
type planner struct {
	lines render.Lines
	plan  []string
}

func (p *planner) add(line string) { p.plan = append(p.plan, line) }

// makePlan returns the command lines that turn the tables of have into those of
// want. What is new comes before what goes: a service is never without real
// servers, and traffic that moves to another service or zone always meets one of
// the two. Both can be there: services and zones share local addresses, the more
// exact service takes the packets, and each protocol and family has a switch of
// SNAT of its own.
func makePlan(have, want *tables) []string {
	var p planner
	for _, k := range want.order {
		p.service(have.services[k], want.services[k])
	}
	p.zones(have, want)
	for _, k := range have.order {
		if want.services[k] == nil {
			p.add(p.lines.DeleteService(k))
		}
	}
	for _, z := range have.zones {
		if _, stays := want.zoneAt[z.Prefix]; !stays {
			p.add(p.lines.Zone("-V", z.Prefix))
		}
	}
	return p.plan
}

// service changes one service; have is nil when it is new.
func (p *planner) service(have, want *serviceTable) {
	k := want.ServiceKey
	var behind []string
	if have == nil {
		have = &serviceTable{}
		p.add(p.lines.Service("-A", render.Service{Service: want.Service, SynProxy: want.synProxy}))
	} else {
		var before []string
		before, behind = p.edits(have, want)
		p.plan = append(p.plan, before...)
	}
	p.dests(k, have.dests, want.dests)
	p.locals(have.locals, want.locals, "-P", "-Q", func(cmd string, a netip.Addr) string {
		return p.lines.LocalAddr(cmd, k, a)
	})
	p.plan = append(p.plan, behind...)
}

// edits returns the lines that change the settings of a service before and behind
// those for its real servers. SYN proxying and one-packet scheduling rule out
// methods, so they are switched off before the real servers change, and on behind.
func (p *planner) edits(have, want *serviceTable) (before, behind []string) {
	onePacket := want.Flags&np.FlagOnePacket != 0
	enable, disable := want.synProxy && !have.synProxy, have.synProxy && !want.synProxy
	changed := !sameService(&have.Service, &want.Service)
	early := want.Service
	early.Flags &^= np.FlagOnePacket
	line := p.lines.Service("-E", render.Service{Service: early})
	switch {
	case disable:
		before = append(before, line+" -j disable")
	case changed && !onePacket:
		before = append(before, line)
	}
	if enable || onePacket && (changed || disable) {
		behind = append(behind, p.lines.Service("-E",
			render.Service{Service: want.Service, SynProxy: enable}))
	}
	return before, behind
}

// sameService compares what a line can set.
func sameService(a, b *np.Service) bool {
	persistent := a.Flags & np.FlagPersistent
	return a.Scheduler == b.Scheduler && a.PEName == b.PEName &&
		a.Flags&^np.FlagHashed == b.Flags&^np.FlagHashed &&
		(persistent == 0 || a.Timeout == b.Timeout && a.Netmask == b.Netmask)
}

func (p *planner) dests(k np.ServiceKey, have, want []np.Dest) {
	old := make(map[np.DestKey]np.Dest, len(have))
	for _, d := range have {
		old[d.DestKey] = d
	}
	for _, d := range want {
		o, found := old[d.DestKey]
		delete(old, d.DestKey)
		switch {
		case !found:
			p.add(p.lines.Dest("-a", k, d))
		case !sameDest(o, d):
			p.add(p.lines.Dest("-e", k, d))
		}
	}
	for _, d := range have {
		if _, left := old[d.DestKey]; left {
			p.add(p.lines.DeleteDest(k, d))
		}
	}
}

// sameDest compares what a line can set. A real server that the kernel found to
// be local was added as one of direct routing.
func sameDest(a, b np.Dest) bool {
	if a.FwdMethod == np.Local {
		a.FwdMethod = np.DirectRoute
	}
	tunnel := a.FwdMethod == np.Tunnel
	return a.FwdMethod == b.FwdMethod && a.Weight == b.Weight &&
		a.UpperThreshold == b.UpperThreshold && a.LowerThreshold == b.LowerThreshold &&
		(!tunnel || a.TunnelType == b.TunnelType && a.TunnelPort == b.TunnelPort && a.TunnelFlags == b.TunnelFlags)
}

// locals changes a set of local addresses; line makes a line of the command add
// or del and an address.
func (p *planner) locals(have, want []netip.Addr, add, del string, line func(string, netip.Addr) string) {
	old := make(map[netip.Addr]bool, len(have))
	for _, a := range have {
		old[a] = true
	}
	keep := make(map[netip.Addr]bool, len(want))
	for _, a := range want {
		if !old[a] && !keep[a] {
			p.add(line(add, a))
		}
		keep[a] = true
	}
	for _, a := range have {
		if !keep[a] {
			p.add(line(del, a))
		}
	}
}

// zones changes the list of zones, whose order counts: from the first one that
// is out of its place on they are made anew, one by one, which puts each at the
// end.
func (p *planner) zones(have, want *tables) {
	var kept []zoneTable
	for _, z := range have.zones {
		if _, stays := want.zoneAt[z.Prefix]; stays {
			kept = append(kept, z)
		}
	}
	inPlace := 0
	for inPlace < len(kept) && kept[inPlace].Prefix == want.zones[inPlace].Prefix {
		inPlace++
	}
	moved := make(map[netip.Prefix]bool)
	for _, z := range kept[inPlace:] {
		moved[z.Prefix] = true
	}
	for i, z := range want.zones {
		var old []netip.Addr
		if i < inPlace {
			old = kept[i].locals
			if kept[i].ZoneSettings != z.ZoneSettings {
				p.add(p.lines.ZoneWith("--edit-zone", z.Zone))
			}
		} else {
			if moved[z.Prefix] {
				p.add(p.lines.Zone("-V", z.Prefix))
			}
			p.add(p.lines.ZoneWith("-K", z.Zone))
		}
		p.locals(old, z.locals, "-U", "-W", func(cmd string, a netip.Addr) string {
			return p.lines.ZoneLocalAddr(cmd, z.Prefix, a)
		})
	}
}
