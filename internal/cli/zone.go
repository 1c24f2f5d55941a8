// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"net/netip"
	"syscall"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

var addZoneCommand = command{
	name: "add-zone", short: 'K', rule: zoneRule, check: checkZone,
	steps: func(s *session, r *request) ([]step, error) {
		return s.zoneStep(opAddZone, np.AddZoneWithRequest(r.zoneWith()))
	},
}

var editZoneCommand = command{
	name: "edit-zone", rule: zoneRule, check: checkZone,
	steps: func(s *session, r *request) ([]step, error) {
		return s.zoneStep(opEditZone, np.EditZoneRequest(r.zoneWith()))
	},
}

var deleteZoneCommand = command{
	name: "del-zone", short: 'V', rule: rule{required: setOf(optZone)},
	steps: func(s *session, r *request) ([]step, error) {
		return s.zoneStep(opDelZone, np.DeleteZoneRequest(r.zone))
	},
}

// checkZone reads how the zone chooses an address; -s stands for it as for the
// scheduler of a service.
func checkZone(r *request) (err error) {
	if !r.given.has(optScheduler) {
		return nil
	}
	var ok bool
	if r.zoneSet.Select, ok = np.ParseZoneSelect(r.svc.Scheduler); !ok {
		return failf("a zone chooses local addresses by rr, sh or sdh, not `%s'", r.svc.Scheduler)
	}
	return nil
}

// zoneWith is the zone of the line with its settings.
func (r *request) zoneWith() np.Zone {
	return np.Zone{Prefix: r.zone, ZoneSettings: r.zoneSet}
}

func (s *session) zoneStep(op operation, req np.Request) ([]step, error) {
	if err := s.needFullNAT("a zone"); err != nil {
		return nil, err
	}
	return []step{{op: op, req: req}}, nil
}

// zoneLocals is a zone with its local addresses.
type zoneLocals struct {
	np.Zone
	addrs []np.LocalAddr
}

// zones returns the zones in the kernel's order, in which the first match
// counts, or the one that only names if it is valid.
func (s *session) zones(c *np.Client, only netip.Prefix) ([]zoneLocals, error) {
	zones, err := c.ListZoneSettings(s.ctx)
	// A module that knows no zones has none.
	if errors.Is(err, np.ErrUnsupported) && !only.IsValid() {
		return nil, nil
	}
	if err != nil {
		return nil, listFailed(opListLocal, err)
	}
	locals, err := c.ListZoneLocalAddrs(s.ctx, only)
	if err != nil {
		return nil, listFailed(opListLocal, err)
	}
	byZone := make(map[netip.Prefix][]np.LocalAddr)
	for _, l := range locals {
		byZone[l.Zone] = append(byZone[l.Zone], l.LocalAddr)
	}
	var out []zoneLocals
	for _, z := range zones {
		if !only.IsValid() || z.Prefix == only {
			out = append(out, zoneLocals{z, byZone[z.Prefix]})
		}
	}
	if only.IsValid() && len(out) == 0 {
		return nil, listFailed(opListLocal, syscall.ENOENT)
	}
	return out, nil
}
