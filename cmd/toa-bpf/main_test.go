// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/toabpf"
)

func TestUsageErrors(t *testing.T) {
	for _, line := range []string{
		"", "frobnicate", "load x", "load --kinds 30", "load --trusted 10.0.0.0/40", "load --enable 3",
		"set", "set --kinds x", "list -x", "unload now",
	} {
		err := run(strings.Fields(line), io.Discard)
		if exitStatus(err) != exitUsage {
			t.Errorf("%q: %v", line, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: several lines: %v", line, err)
		}
	}
}

func TestExitStatus(t *testing.T) {
	for want, err := range map[int]error{0: nil, exitFailed: errors.New("x"), exitNotLoaded: toabpf.ErrNotLoaded} {
		if got := exitStatus(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

func TestPrintStatus(t *testing.T) {
	config := toabpf.DefaultConfig()
	config.Trusted = append(config.Trusted[:1], netip.MustParsePrefix("2001:db8::/64"))
	var out strings.Builder
	err := printStatus(&out, &toabpf.Status{
		Config: config, CgroupID: 7, Conns: 3, NAT64: true,
		Hooks: []toabpf.HookState{{Name: "getpeername4", Attached: true}, {Name: "sockops"}},
	})
	want := `loaded:       no
cgroup:       number 7, not to be seen from here
hooks:        getpeername4 sockops (detached)
enable:       1 (on)
kinds:        254,253,200
trusted:      0.0.0.0/0,2001:db8::/64
nat64:        yes
mptcp:        no
connections:  3
module toa:   no
`
	if err != nil || out.String() != want {
		t.Errorf("%v; got\n%s", err, &out)
	}
}
