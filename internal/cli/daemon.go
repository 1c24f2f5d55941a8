// SPDX-License-Identifier: Apache-2.0

package cli

import (
	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/argv"
)

// defaultMcastInterface carries the messages of a daemon that names none.
const defaultMcastInterface = "eth0"

var startDaemonCommand = command{
	name: "start-daemon", arity: argv.NeedsValue,
	rule: rule{optional: setOf(optMcast, optSyncID, optMcastGroup,
		optMcastPort, optMcastTTL, optSyncMaxLen)},
	value: func(r *request, v string) error {
		return r.setRole(v, "illegal start-daemon parameter specified")
	},
	steps: startDaemon,
}

var stopDaemonCommand = command{
	name: "stop-daemon", arity: argv.NeedsValue,
	rule: rule{optional: setOf(optSyncID)},
	value: func(r *request, v string) error {
		return r.setRole(v, "illegal start_daemon specified")
	},
	steps: stopDaemon,
}

func (r *request) setRole(v, otherwise string) error {
	switch v {
	case "master":
		r.daemon.State = np.DaemonMaster
	case "backup":
		r.daemon.State = np.DaemonBackup
	default:
		return failf("%s", otherwise)
	}
	return nil
}

func startDaemon(_ *session, r *request) ([]step, error) {
	if r.daemon.Interface == "" {
		r.daemon.Interface = defaultMcastInterface
	}
	return []step{{op: opStartDaemon, req: np.StartDaemonRequest(r.daemon)}}, nil
}

func stopDaemon(_ *session, r *request) ([]step, error) {
	return []step{{op: opStopDaemon, req: np.StopDaemonRequest(r.daemon.State)}}, nil
}

func listDaemons(s *session, r *request) error {
	c, err := s.settled()
	if err != nil {
		return err
	}
	daemons, err := c.ListDaemons(s.ctx)
	if err != nil {
		return listFailed(opOther, err)
	}
	p := s.printer(r)
	p.DaemonTitle()
	for _, d := range daemons {
		p.Daemon(d)
	}
	return p.Flush()
}
