// SPDX-License-Identifier: Apache-2.0

package names

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseServices(t *testing.T) {
	s := parseServices(strings.NewReader(`
# a comment
http 80/tcp www www-http # the web
http-alt 80/tcp
domain	53/udp
broken
bad x/tcp
big 70000/tcp
noproto 12
`))
	for name, want := range map[string]uint16{"http": 80, "www": 80, "www-http": 80, "http-alt": 80} {
		if got := s.byName[nameKey{"tcp", name}]; got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	if got := s.byPort[portKey{"tcp", 80}]; got != "http" {
		t.Errorf("80/tcp is %q", got)
	}
	if got := s.byPort[portKey{"udp", 53}]; got != "domain" {
		t.Errorf("53/udp is %q", got)
	}
	if n := len(s.byPort); n != 2 {
		t.Errorf("%d ports, want 2", n)
	}
}

func TestResolver(t *testing.T) {
	var r Resolver
	if a, ok := r.HostAddr("localhost"); !ok || a != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("localhost is %v, %v", a, ok)
	}
	for _, bad := range []string{"", "a b", "a\x00b"} {
		if a, ok := r.HostAddr(bad); ok {
			t.Errorf("%q is %v", bad, a)
		}
	}
	for i := 0; i < 2; i++ {
		if n, ok := r.AddrName(netip.MustParseAddr("127.0.0.1")); !ok || n != "localhost" {
			t.Errorf("127.0.0.1 is %q, %v", n, ok)
		}
	}
	if _, ok := r.ServicePort("http", 0); ok {
		t.Error("a service of no protocol was found")
	}
}
