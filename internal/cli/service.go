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
	if s.FWMark == 0 && s.Port == 0 && s.Flags&np.FlagPersistent == 0 && !isSNAT(s.ServiceKey) {
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

// isUnspecified reports whether the service is 0.0.0.0:0, which no packet is for.
func isUnspecified(k np.ServiceKey) bool {
	return k.FWMark == 0 && k.Port == 0 && k.Addr.IsUnspecified()
}

// inModule reports whether our module can hold something for a service. It knows
// TCP and UDP, and marks, which may be of any protocol.
func inModule(k np.ServiceKey) bool { return k.FWMark != 0 || k.Protocol != np.SCTP }

// isSNAT reports whether the service is the one that switches SNAT on for its
// protocol: 0.0.0.0:0, which ipvsadm refuses unless it is persistent.
func isSNAT(k np.ServiceKey) bool { return inModule(k) && isUnspecified(k) }

// needsSNAT reports whether the service can be nothing but a switch of SNAT.
func needsSNAT(s *np.Service) bool {
	return isSNAT(s.ServiceKey) && s.Flags&np.FlagPersistent == 0
}

// prepareService refuses what only shows with a look at the kernel.
func prepareService(s *session, r *request) error {
	if needsSNAT(&r.svc) {
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
	undo := np.DeleteServiceRequest(r.svc.ServiceKey)
	if r.given.has(optSynProxy) && r.synProxy {
		return append(steps, s.synProxyStep(r, &undo)), nil
	}
	return s.withSwitch(r, steps, &undo)
}

// withSwitch adds the step that turns SNAT on, where the service is its switch.
// The module cannot see services of stock IPVS, so that it has to be told; a step
// for SYN proxying tells it as well.
func (s *session) withSwitch(r *request, steps []step, undo *np.Request) ([]step, error) {
	if !isSNAT(r.svc.ServiceKey) {
		return steps, nil
	}
	if has, err := s.hasFullNAT(); err != nil || !has {
		return steps, err
	}
	e := np.ServiceExt{ServiceKey: r.svc.ServiceKey}
	return append(steps, step{op: opSwitchSNAT, chained: true, undo: undo,
		req: np.SetServiceExtRequest(e)}), nil
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
		return append(steps, s.synProxyStep(r, nil)), nil
	}
	return s.withSwitch(r, steps, nil)
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
	if has && inModule(r.svc.ServiceKey) {
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
