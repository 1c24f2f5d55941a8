// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"errors"
	"strings"
	"testing"
)

const header = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"

func read(t *testing.T, text string) (conns []Conn, err error) {
	t.Helper()
	for c, e := range Conns(strings.NewReader(text)) {
		if e != nil {
			return conns, e
		}
		conns = append(conns, *c)
	}
	return conns, nil
}

func TestConns(t *testing.T) {
	conns, err := read(t, header+
		"TCP C000020A A1B2 C6336407 0050 0A00010B 1F90 ESTABLISHED     899\n"+
		"UDP 2001:0db8:000c:0000:0000:0000:0000:0010 0035 2001:0db8:000f:0000:0000:0000:0000:0010 0035 2001:0db8:0001:0000:0000:0000:0000:0011 14E9 UDP              60 sip call-1\n"+
		"\n"+
		"IP  C000020A 0000 C6336407 0000 0A00010B 0000 NONE              5 sip d more columns\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(conns) != 3 {
		t.Fatalf("%d connections", len(conns))
	}
	c := conns[0]
	if c.Client.Addr.String() != "192.0.2.10" || c.Client.Port != 0xa1b2 || c.Virtual.Port != 80 ||
		c.Dest.Addr.String() != "10.0.1.11" || c.State != "ESTABLISHED" || c.Expires != 899 || c.ProtocolNumber() != 6 {
		t.Errorf("got %+v", c)
	}
	c = conns[1]
	if c.Dest.Addr.String() != "2001:db8:1::11" || c.PEName != "sip" || c.PEData != "call-1" || c.ProtocolNumber() != 17 {
		t.Errorf("got %+v", c)
	}
	if conns[2].ProtocolNumber() != 0 {
		t.Errorf("got %+v", conns[2])
	}
}

func TestConns_errors(t *testing.T) {
	if _, err := read(t, ""); !errors.Is(err, ErrNoHeader) {
		t.Errorf("empty file: %v", err)
	}
	if conns, err := read(t, header); err != nil || len(conns) != 0 {
		t.Errorf("no connections: %v, %v", conns, err)
	}
	for _, line := range []string{
		"TCP", "TCP C000020A A1B2 C6336407 0050 0A00010B 1F90 ESTABLISHED",
		"TCP C000020A 1A1B2 C6336407 0050 0A00010B 1F90 ESTABLISHED 1",
		"TCP X000020A A1B2 C6336407 0050 0A00010B 1F90 ESTABLISHED 1",
		"TCP C000020A1 A1B2 C6336407 0050 0A00010B 1F90 ESTABLISHED 1",
		"TCP C000020A A1B2 C6336407 0050 0A00010B 1F90 ESTABLISHED -1",
		strings.Repeat("x", 1<<17),
	} {
		if conns, err := read(t, header+line+"\n"); err == nil {
			t.Errorf("%.40q: %v", line, conns)
		}
	}
}

func FuzzConns(f *testing.F) {
	f.Add("TCP C000020A A1B2 C6336407 0050 0A00010B 1F90 ESTABLISHED     899")
	f.Add("UDP ::1 0035 ::2 0035 ::3 14E9 UDP 60 sip x")
	f.Fuzz(func(t *testing.T, s string) {
		for c, err := range Conns(strings.NewReader(header + s)) {
			if err == nil && (!c.Client.Addr.IsValid() || !c.Virtual.Addr.IsValid() || !c.Dest.Addr.IsValid()) {
				t.Fatalf("%q gives %+v", s, c)
			}
		}
	})
}
