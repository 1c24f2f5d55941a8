// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package netlinkproto

import "errors"

// newDialer fails: IPVS is part of Linux.
func newDialer(options) (func() (socket, error), func() error, error) {
	return nil, nil, errors.ErrUnsupported
}
