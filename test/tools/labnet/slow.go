// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strconv"
	"time"
)

// noKeepAlive: what is idle says nothing, however long a scene takes on a slow
// machine. Go would ask the peer every 15 s.
const noKeepAlive = -1

// patience is how long to wait for what is expected to come: on a machine that
// the lab takes for slow so much longer as its scenes wait (LAB_SLOW).
func patience(d time.Duration) time.Duration {
	if n, err := strconv.Atoi(os.Getenv("LAB_SLOW")); err == nil && n > 1 {
		return d * time.Duration(n)
	}
	return d
}
