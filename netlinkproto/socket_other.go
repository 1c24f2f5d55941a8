// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package netlinkproto

import (
	"context"
	"errors"
)

// newDialer fails: IPVS is part of Linux.
func newDialer(options) (func(context.Context) (socket, error), func() error, error) {
	return nil, nil, errors.ErrUnsupported
}
