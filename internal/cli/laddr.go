// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net/netip"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

// localRule is for -P and -Q: a service or a zone, and local addresses.
var localRule = rule{
	required:  setOf(optLocalAddr),
	exclusive: setOf(optService, optZone),
}

var addLocalCommand = command{
	name: "add-laddr", short: 'P', rule: localRule,
	check: checkLocal, steps: addLocals,
}

var deleteLocalCommand = command{
	name: "del-laddr", short: 'Q', rule: localRule,
	check: checkLocal, steps: deleteLocals,
}

var addZoneLocalCommand = command{
	name: "add-laddr-zone", short: 'U', rule: zoneLocalRule, check: checkLocal, steps: addLocals,
}

var deleteZoneLocalCommand = command{
	name: "del-laddr-zone", short: 'W', rule: zoneLocalRule, check: checkLocal, steps: deleteLocals,
}

// checkLocal asks for something that the addresses belong to, in their family.
func checkLocal(r *request) error {
	family := r.svc.Family
	switch {
	case r.given.has(optZone):
		family = np.FamilyOf(r.zone.Addr())
	case !r.given.has(optService):
		return failf("You need to supply the '%s' or the '%s' option for the '%s' command",
			optNames[optService], optNames[optZone], r.cmd.name)
	}
	for _, z := range r.locals {
		if np.FamilyOf(z.first) != family {
			return failf("local address %v is not %v like its %s", z.first, family, r.owner())
		}
	}
	return nil
}

// owner says what the local addresses of the line belong to.
func (r *request) owner() string {
	if r.given.has(optZone) {
		return "zone"
	}
	return "service"
}

func addLocals(s *session, r *request) ([]step, error) {
	if r.given.has(optService) {
		// The module cannot ask stock IPVS for its services, so it would
		// take an address for one that is not there.
		if _, err := s.isOnePacket(r.svc.ServiceKey); err != nil {
			return nil, refused(opAddLocal, err)
		}
	}
	return s.localSteps(r, opAddLocal, np.AddLocalAddrRequest, np.AddZoneLocalAddrRequest)
}

func deleteLocals(s *session, r *request) ([]step, error) {
	return s.localSteps(r, opDelLocal, np.DeleteLocalAddrRequest, np.DeleteZoneLocalAddrRequest)
}

// localSteps makes a step for each local address of the line.
func (s *session) localSteps(r *request, op operation,
	ofService func(np.ServiceKey, netip.Addr) np.Request,
	ofZone func(netip.Prefix, netip.Addr) np.Request) ([]step, error) {
	if err := s.needFullNAT("a local address"); err != nil {
		return nil, err
	}
	addrs := r.localAddrs()
	steps := make([]step, 0, len(addrs))
	for _, a := range addrs {
		st := step{op: op}
		if len(addrs) > 1 {
			st.label = a.String() + ": "
		}
		if r.given.has(optZone) {
			st.req = ofZone(r.zone, a)
		} else {
			st.req = ofService(r.svc.ServiceKey, a)
		}
		steps = append(steps, st)
	}
	return steps, nil
}

var listLocalCommand = command{
	name: "get-laddr", short: 'G',
	rule: rule{exclusive: setOf(optService, optZone), optional: setOf(optNumeric, optNoSort, optJSON)},
	run:  listLocals,
}

// listLocals prints zones, then services, each with its local addresses.
func listLocals(s *session, r *request) error {
	if err := s.needFullNAT("the list of local addresses"); err != nil {
		return err
	}
	c, err := s.settled()
	if err != nil {
		return err
	}
	p := s.printer(r)
	if !r.given.has(optService) {
		zones, err := s.zones(c, r.zone)
		if err != nil {
			return err
		}
		if len(zones) > 0 || r.json {
			p.ZoneTitle()
		}
		for _, z := range zones {
			p.ZoneLocalAddrs(z.Zone, z.addrs)
		}
	}
	if !r.given.has(optZone) {
		services, err := s.localServices(c, r)
		if err != nil {
			return err
		}
		p.LocalAddrTitle()
		for _, l := range services {
			p.ServiceLocalAddrs(l.key, l.addrs)
		}
	}
	return p.Flush()
}

// serviceLocals is a service with its local addresses.
type serviceLocals struct {
	key   np.ServiceKey
	addrs []np.LocalAddr
}

// localServices returns the service that the line names, or all.
func (s *session) localServices(c *np.Client, r *request) ([]serviceLocals, error) {
	if r.given.has(optService) {
		k := r.svc.ServiceKey
		if _, err := c.Service(s.ctx, k); err != nil {
			return nil, listFailed(opListLocal, err)
		}
		all, err := c.ListServiceLocalAddrs(s.ctx, k)
		if err != nil {
			return nil, listFailed(opListLocal, err)
		}
		out := serviceLocals{key: k}
		for _, l := range all {
			out.addrs = append(out.addrs, l.LocalAddr)
		}
		return []serviceLocals{out}, nil
	}
	services, err := s.services(c, r.noSort)
	if err != nil {
		return nil, err
	}
	byKey, err := s.localsByService(c)
	if err != nil {
		return nil, err
	}
	out := make([]serviceLocals, len(services))
	for i, svc := range services {
		out[i] = serviceLocals{svc.ServiceKey, byKey[svc.ServiceKey]}
	}
	return out, nil
}

// localsByService returns the local addresses of all services.
func (s *session) localsByService(c *np.Client) (map[np.ServiceKey][]np.LocalAddr, error) {
	all, err := c.ListLocalAddrs(s.ctx)
	if err != nil {
		return nil, listFailed(opListLocal, err)
	}
	out := make(map[np.ServiceKey][]np.LocalAddr)
	for _, l := range all {
		out[l.Service] = append(out[l.Service], l.LocalAddr)
	}
	return out, nil
}
