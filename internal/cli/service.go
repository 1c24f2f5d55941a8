// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

var addServiceCommand = command{
	name: "add-service", short: 'A', rule: serviceRule,
	check: checkService, steps: addService,
}

var editServiceCommand = command{
	name: "edit-service", short: 'E', rule: serviceRule,
	check: checkService, steps: editService,
}

var deleteServiceCommand = command{
	name: "delete-service", short: 'D', rule: rule{required: setOf(optService)},
	steps: deleteService,
}

var clearCommand = command{name: "clear", title: "flush", short: 'C', steps: clearAll}

// errZeroPort is ipvsadm's message for a service of any port.
const errZeroPort = "Zero port specified for non-persistent service"

func checkService(r *request) error {
	s := &r.svc
	if s.FWMark == 0 && s.Port == 0 && s.Flags&np.FlagPersistent == 0 && !r.isSNAT() {
		return failf(errZeroPort)
	}
	if s.Flags&np.FlagOnePacket != 0 && s.FWMark == 0 && s.Protocol != np.UDP {
		return failf("One-Packet Scheduling is only for UDP virtual services")
	}
	if r.given.has(optSynProxy) && r.synProxy && s.FWMark == 0 && s.Protocol != np.TCP {
		return failf("synproxy is only for TCP virtual services")
	}
	if s.Scheduler == "" {
		s.Scheduler = spec.DefaultScheduler
	}
	return nil
}

// isSNAT reports whether the service is the one that switches SNAT on:
// 0.0.0.0:0, which ipvsadm refuses unless it is persistent.
func (r *request) isSNAT() bool {
	return r.svc.FWMark == 0 && r.svc.Port == 0 && r.svc.Addr.IsUnspecified()
}

// prepareService refuses what only shows with a look at the kernel.
func prepareService(s *session, r *request) error {
	if r.isSNAT() && r.svc.Flags&np.FlagPersistent == 0 {
		has, err := s.loadFullNAT()
		if err != nil {
			return err
		}
		if !has {
			return failf(errZeroPort)
		}
	}
	if r.given.has(optSynProxy) {
		return s.needFullNAT("synproxy")
	}
	return nil
}

func addService(s *session, r *request) ([]step, error) {
	if err := prepareService(s, r); err != nil {
		return nil, err
	}
	steps := []step{{op: opAddService, req: np.AddServiceRequest(r.svc)}}
	delete(s.onePacket, r.svc.ServiceKey)
	if r.given.has(optSynProxy) && r.synProxy {
		undo := np.DeleteServiceRequest(r.svc.ServiceKey)
		steps = append(steps, s.synProxyStep(r, &undo))
	}
	return s.withSwitch(r, steps)
}

// withSwitch adds the step that turns SNAT on, where the service is its switch.
// The module cannot see services of stock IPVS, so that it has to be told.
func (s *session) withSwitch(r *request, steps []step) ([]step, error) {
	if !r.isSNAT() {
		return steps, nil
	}
	if has, err := s.hasFullNAT(); err != nil || !has {
		return steps, err
	}
	e := np.ServiceExt{ServiceKey: r.svc.ServiceKey}
	return append(steps, step{op: opAddService, chained: true, req: np.SetServiceExtRequest(e)}), nil
}

func editService(s *session, r *request) ([]step, error) {
	if err := prepareService(s, r); err != nil {
		return nil, err
	}
	onePacket := r.svc.Flags&np.FlagOnePacket != 0
	synProxy := r.given.has(optSynProxy) && r.synProxy
	if onePacket || synProxy {
		if err := s.checkServers(r.svc.ServiceKey, onePacket, synProxy); err != nil {
			return nil, err
		}
	}
	steps := []step{{op: opEditService, req: np.EditServiceRequest(r.svc)}}
	delete(s.onePacket, r.svc.ServiceKey)
	if r.given.has(optSynProxy) {
		steps = append(steps, s.synProxyStep(r, nil))
	}
	return s.withSwitch(r, steps)
}

// synProxyStep switches SYN proxying of the service in the step before.
func (s *session) synProxyStep(r *request, undo *np.Request) step {
	e := np.ServiceExt{ServiceKey: r.svc.ServiceKey, SynProxy: r.synProxy}
	return step{op: opSynProxy, chained: true, undo: undo,
		req: np.SetServiceExtRequest(e),
		done: func() {
			if s.synProxied != nil {
				s.synProxied[e.ServiceKey] = e.SynProxy
			}
		}}
}

// checkServers refuses a setting that the real servers of a service rule out.
func (s *session) checkServers(k np.ServiceKey, onePacket, synProxy bool) error {
	if has, err := s.hasFullNAT(); err != nil || !has {
		return err // without our module no server can be FULLNAT
	}
	c, err := s.settled()
	if err != nil {
		return err
	}
	dests, err := c.ListDests(s.ctx, k)
	if err != nil && !errors.Is(err, np.ErrNotExist) {
		return refused(opEditService, err)
	}
	for _, d := range dests {
		switch full := d.FwdMethod == np.FullNAT; {
		case full && onePacket:
			return failf("one-packet scheduling does not go with FULLNAT: real server %v uses it", d.DestKey)
		case !full && synProxy:
			return failf("synproxy needs FULLNAT real servers: edit or delete real server %v first", d.DestKey)
		}
	}
	return nil
}

func deleteService(s *session, r *request) ([]step, error) {
	steps := []step{{op: opDelService, req: np.DeleteServiceRequest(r.svc.ServiceKey)}}
	has, err := s.hasFullNAT()
	if err != nil {
		return nil, err
	}
	if has {
		steps = append(steps, step{op: opDelService, chained: true, mayMiss: true,
			req: np.DeleteServiceExtRequest(r.svc.ServiceKey)})
	}
	delete(s.onePacket, r.svc.ServiceKey)
	delete(s.synProxied, r.svc.ServiceKey)
	return steps, nil
}

func clearAll(s *session, _ *request) ([]step, error) {
	steps := []step{{op: opOther, req: np.FlushRequest()}}
	has, err := s.hasFullNAT()
	if err != nil {
		return nil, err
	}
	if has {
		steps = append(steps, step{op: opOther, chained: true, req: np.FlushFullNATRequest()})
	}
	clear(s.onePacket)
	clear(s.synProxied)
	return steps, nil
}
