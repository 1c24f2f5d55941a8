// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestStopTimers(t *testing.T) {
	for _, c := range []struct{ before, now, after, want string }{
		{"UDP 05:00 UDP 10.0.0.1:53", "UDP 04:59 UDP 10.0.0.1:53", "UDP 04:58 UDP 10.0.0.1:53", "UDP 05:00 UDP 10.0.0.1:53"},
		{"TCP 100:00", "TCP 99:59", "TCP 99:59", "TCP 100:00"},
		// Ours is before stock's first look, or behind its second one.
		{"UDP 05:00", "UDP 05:01", "UDP 04:58", "UDP 05:01"},
		{"UDP 05:00", "UDP 04:57", "UDP 04:58", "UDP 04:57"},
		{"10.0.0.11:53", "10.0.0.11:54", "10.0.0.11:53", "10.0.0.11:54"},
		// One entry more than stock has.
		{"UDP 05:00", "UDP 05:00 UDP 04:00", "UDP 05:00", "UDP 05:00 UDP 04:00"},
	} {
		if got := stopTimers(c.before, c.now, c.after); got != c.want {
			t.Errorf("%q between %q and %q became %q, want %q", c.now, c.before, c.after, got, c.want)
		}
	}
}
