// SPDX-License-Identifier: Apache-2.0

package cli

import (
	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

var zeroCommand = command{
	name: "zero", short: 'Z', rule: rule{optional: setOf(optService)},
	steps: zeroCounters,
}

// zeroCounters zeroes one service, or all when none is named. ipvsadm takes
// 0.0.0.0:0 for none.
func zeroCounters(_ *session, r *request) ([]step, error) {
	req := np.ZeroRequest()
	if r.given.has(optService) && !isUnspecified(r.svc.ServiceKey) {
		req = np.ZeroServiceRequest(r.svc.ServiceKey)
	}
	return []step{{op: opZero, req: req}}, nil
}
