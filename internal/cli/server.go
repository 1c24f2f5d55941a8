// SPDX-License-Identifier: Apache-2.0

package cli

import (
	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

var addServerCommand = command{
	name: "add-server", short: 'a', rule: serverRule,
	check: checkServer, steps: addServer,
}

var editServerCommand = command{
	name: "edit-server", short: 'e', rule: serverRule,
	check: checkServer, steps: editServer,
}

var deleteServerCommand = command{
	name: "delete-server", short: 'd',
	rule:  rule{required: setOf(optService, optServer)},
	steps: deleteServer,
}

// What the settings of a service have against the method of a real server.
const (
	errOnePacketMethod = "FULLNAT does not go with one-packet scheduling"
	errSynProxyMethod  = "the service has synproxy enabled, which needs FULLNAT real servers"
)

func checkServer(r *request) error {
	d := &r.dest
	tunnel := d.FwdMethod == np.Tunnel
	if r.svc.FWMark == 0 && (tunnel || d.FwdMethod == np.DirectRoute) {
		// The packet keeps its port, so the server's can be no other.
		d.Port = r.svc.Port
	}
	if np.FamilyOf(d.Addr) != r.svc.Family && !tunnel {
		return failf("Different address family is allowed only for tunneling servers")
	}
	if d.FwdMethod == np.FullNAT && r.svc.FWMark == 0 && r.svc.Protocol == np.SCTP {
		return failf("FULLNAT knows TCP and UDP only: real servers of an SCTP service take -m, -g or -i")
	}
	if r.given.hasAny(tunnelScope|setOf(optTunType)) && !tunnel {
		return failf("Tunnel options conflict with forward method")
	}
	return checkOptions(tunnelRules[d.TunnelType], tunnelScope, r.given,
		"'"+spec.TunnelTypes[d.TunnelType]+"' tunnel type")
}

func addServer(s *session, r *request) ([]step, error) {
	if err := s.checkMethod(r, opAddServer); err != nil {
		return nil, err
	}
	return []step{{op: opAddServer, req: np.AddDestRequest(r.svc.ServiceKey, r.dest)}}, nil
}

func editServer(s *session, r *request) ([]step, error) {
	if err := s.checkMethod(r, opEditServer); err != nil {
		return nil, err
	}
	return []step{{op: opEditServer, req: np.EditDestRequest(r.svc.ServiceKey, r.dest)}}, nil
}

func deleteServer(_ *session, r *request) ([]step, error) {
	return []step{{op: opDelServer,
		req: np.DeleteDestRequest(r.svc.ServiceKey, r.dest.DestKey)}}, nil
}

// checkMethod refuses a forwarding method that does not go with the service.
// Stock IPVS takes any, and the packets would be lost: method 5 without our
// module falls to the director's own stack, one-packet connections cannot be
// bound, and SYN proxying needs both directions to pass the director.
func (s *session) checkMethod(r *request, op operation) error {
	k := r.svc.ServiceKey
	if r.dest.FwdMethod != np.FullNAT {
		proxied, err := s.isSynProxied(k)
		if err != nil {
			return refused(op, err)
		}
		if proxied {
			return failf(errSynProxyMethod + ": use -b, or disable it with -E ... -j disable")
		}
		return nil
	}
	if err := s.needFullNAT("FULLNAT"); err != nil {
		return err
	}
	onePacket, err := s.isOnePacket(k)
	if err != nil {
		return refused(op, err)
	}
	if onePacket {
		return failf(errOnePacketMethod + ": edit the service without -o first")
	}
	return nil
}
