// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net/netip"
	"strings"
	"testing"
)

const conns = `Local Peer Client
10.0.1.11:80 10.0.0.1:5000 192.0.2.10:40000
[2001:db8:1::11]:80 [2001:db8:a::1]:5001 [2001:db8:c::10]:40001
10.0.1.11:80 10.0.0.1:5002 [2001:db8:c::10]:40002
`

const listing = `ESTAB 0      0      [::ffff:10.0.1.11]:80 [::ffff:10.0.0.1]:5000 users:(("nginx",pid=7,fd=3))
ESTAB 0      0      [2001:db8:1::11]:80 [2001:db8:a::1]:5001
ESTAB 0      36     10.0.1.11%eth0:80 10.0.0.1:5002
ESTAB 0      0      10.0.1.11:22 192.0.2.99:6000
LISTEN 0     128    *:80 *:*
`

func TestMerge(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"known", nil, `State  Recv-Q  Send-Q  Local                  Peer                    Client
ESTAB  0       0       [::ffff:10.0.1.11]:80  [::ffff:10.0.0.1]:5000  192.0.2.10:40000  users:(("nginx",pid=7,fd=3))
ESTAB  0       0       [2001:db8:1::11]:80    [2001:db8:a::1]:5001    [2001:db8:c::10]:40001
ESTAB  0       36      10.0.1.11%eth0:80      10.0.0.1:5002           [2001:db8:c::10]:40002
`},
		{"of a network", []string{"-H", "-c", "192.0.2.0/24"},
			"ESTAB  0  0  [::ffff:10.0.1.11]:80  [::ffff:10.0.0.1]:5000  192.0.2.10:40000  users:((\"nginx\",pid=7,fd=3))\n"},
		{"of an address", []string{"-H", "-c", "2001:db8:c::10"},
			"ESTAB  0  0   [2001:db8:1::11]:80  [2001:db8:a::1]:5001  [2001:db8:c::10]:40001\n" +
				"ESTAB  0  36  10.0.1.11%eth0:80    10.0.0.1:5002         [2001:db8:c::10]:40002\n"},
		{"all", []string{"-H", "-a"},
			`ESTAB  0  0   [::ffff:10.0.1.11]:80  [::ffff:10.0.0.1]:5000  192.0.2.10:40000  users:(("nginx",pid=7,fd=3))
ESTAB  0  0   [2001:db8:1::11]:80    [2001:db8:a::1]:5001    [2001:db8:c::10]:40001
ESTAB  0  36  10.0.1.11%eth0:80      10.0.0.1:5002           [2001:db8:c::10]:40002
ESTAB  0  0   10.0.1.11:22           192.0.2.99:6000         -
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clients, err := readConns(strings.NewReader(conns))
			if err != nil {
				t.Fatal(err)
			}
			o, err := parseArgs(test.args, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := merge(strings.NewReader(listing), clients, o, &out); err != nil {
				t.Fatal(err)
			}
			if out.String() != test.want {
				t.Errorf("got:\n%swant:\n%s", out.String(), test.want)
			}
		})
	}
}

// With a filter for a state, ss leaves that column out.
func TestMergeWithoutState(t *testing.T) {
	clients := map[wire]netip.AddrPort{{
		netip.MustParseAddrPort("10.0.1.11:80"), netip.MustParseAddrPort("10.0.0.1:5000"),
	}: netip.MustParseAddrPort("192.0.2.10:40000")}
	var out strings.Builder
	if err := merge(strings.NewReader("0 0 10.0.1.11:80 10.0.0.1:5000\n"), clients, options{}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "Recv-Q  Send-Q  Local") {
		t.Errorf("header: %s", out.String())
	}
}

func TestParseArgs(t *testing.T) {
	o, err := parseArgs([]string{"-a", "-c", "192.0.2.1", "-p", "state", "established"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(o.ss, " "); got != "-p state established" || !o.all || o.client.Bits() != 32 {
		t.Errorf("got %+v", o)
	}
	if _, err := parseArgs([]string{"-c", "nobody"}, io.Discard); err == nil {
		t.Error("a client that is no address is accepted")
	}
}

func TestReadConnsRefuses(t *testing.T) {
	for _, text := range []string{"h\na b\n", "h\n10.0.0.1:1 10.0.0.2:2 x\n"} {
		if _, err := readConns(strings.NewReader(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestParseEnd(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.1.11:80":               "10.0.1.11:80",
		"10.0.1.11%eth0:80":          "10.0.1.11:80",
		"[::ffff:10.0.1.11]%eth0:80": "10.0.1.11:80",
		"[2001:db8::1]:80":           "[2001:db8::1]:80",
		"[2001:db8::1]%eth0:80":      "[2001:db8::1]:80",
		"[fe80::1]%eth0.7:80":        "[fe80::1]:80",
		"[fe80::1%eth0]:80":          "[fe80::1]:80",
	} {
		if got, err := parseEnd(text); err != nil || got.String() != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"*:*", "10.0.1.11%eth0", "[2001:db8::1]%eth0", "[2001:db8::1]80", "[2001:db8::1%eth0:80"} {
		if got, err := parseEnd(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	for line := range strings.SplitSeq(listing, "\n") {
		f.Add(line)
	}
	f.Add("ESTAB 0 0 [2001:db8:1::11]%eth0:80 [2001:db8:a::1]:5003")
	f.Fuzz(func(_ *testing.T, line string) {
		parseLine(line)
		_, _ = readConns(strings.NewReader("h\n" + line))
	})
}
