// SPDX-License-Identifier: Apache-2.0

package cli

import (
	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

var setCommand = command{name: "set", words: takeTimeouts, steps: setTimeouts}

// takeTimeouts reads the three timeouts, which stand as words on the line.
func takeTimeouts(r *request, words []string) ([]string, error) {
	fields := []*uint32{&r.timeouts.TCP, &r.timeouts.TCPFin, &r.timeouts.UDP}
	if len(words) < len(fields) {
		return nil, failf("--set option requires 3 timeout values")
	}
	for i, f := range fields {
		t, err := spec.Timeout(words[i], 0)
		if err != nil {
			return nil, failf("%v", err)
		}
		*f = t
	}
	return words[len(fields):], nil
}

func setTimeouts(_ *session, r *request) ([]step, error) {
	return []step{{op: opOther, req: np.SetTimeoutsRequest(r.timeouts)}}, nil
}

func listTimeouts(s *session, r *request) error {
	c, err := s.settled()
	if err != nil {
		return err
	}
	t, err := c.Timeouts(s.ctx)
	if err != nil {
		return listFailed(opOther, err)
	}
	p := s.printer(r)
	p.Timeouts(t)
	return p.Flush()
}
