// SPDX-License-Identifier: Apache-2.0

package cli

import (
	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

var drainCommand = command{name: "drain", steps: drain}

// drain ends the connections of the namespace. It does not load the module:
// without it there are none.
func drain(s *session, _ *request) ([]step, error) {
	has, err := s.hasFullNAT()
	if err != nil {
		return nil, err
	}
	if !has {
		return nil, failf("there is nothing to drain: %s is not loaded", fullnatModule)
	}
	return []step{{op: opOther, req: np.DrainFullNATRequest()}}, nil
}
