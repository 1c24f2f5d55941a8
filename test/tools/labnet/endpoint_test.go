// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/netip"
	"testing"
	"time"
)

// wire is a link to a channel: what is written comes out there.
type wire chan []byte

func (w wire) Write(p []byte) (int, error) {
	w <- append([]byte(nil), p...)
	return len(p), nil
}

// TestEndpoints lets two endpoints move a stream through a link that loses,
// doubles and swaps segments, with sequence numbers and time stamps that wrap.
func TestEndpoints(t *testing.T) {
	const size = 1 << 20
	for _, end := range []string{"192.0.2.1:1000", "[2001:db8::1]:1000"} {
		local, peer := netip.MustParseAddrPort(end), netip.MustParseAddrPort(end)
		peer = netip.AddrPortFrom(peer.Addr(), 80)
		there, back := make(wire, 4096), make(wire, 4096)
		run := tcpRun{down: size, end: "fin"}
		run.cfg = endpointConfig{isn: math.MaxUint32 - 20, ts: math.MaxUint32 - 5, tsRate: 1, sack: true, mss: 1400, dropIn: 31}
		client := newEndpoint(run.cfg, there, local)
		server := newEndpoint(endpointConfig{isn: math.MaxUint32 - size/2, ts: 1, tsRate: 1, sack: true, mss: 1400, drop: 40, dup: 17, swap: 23}, back, peer)
		server.app = serveStream
		done, judge := run.client(client)
		client.peer = peer
		client.sendSYN()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		served := make(chan error)
		go func() { served <- drive(ctx, server, there, server.over) }()
		if err := drive(ctx, client, back, done); err != nil {
			t.Fatalf("%s: client: %v", end, err)
		}
		if err := judge(); err != nil {
			t.Fatal(err)
		}
		// The server may miss the very last acknowledgement.
		cancel()
		<-served
		r, c := server.report, client.report
		if r.SACKs == 0 || r.DSACKs == 0 || r.Retransmitted == 0 {
			t.Errorf("%s: no loss, or none noticed: %+v", end, r)
		}
		if bad := r.BadACK + r.BadSACK + r.BadTSecr + c.BadACK + c.BadSACK + c.BadTSecr; bad != 0 {
			t.Errorf("%s: impossible values: %+v %+v", end, r, c)
		}
	}
}

// TestEndpointNotices has a translation that is off by one: each field is seen.
func TestEndpointNotices(t *testing.T) {
	e := newEndpoint(endpointConfig{isn: 100, ts: 1000, tsRate: 1, sack: true}, io.Discard, netip.MustParseAddrPort("192.0.2.1:1"))
	e.established, e.una, e.nxt, e.useTS = true, 1, 50, true
	e.seeACK(tcpSegment{ack: 151}, segmentOptions{})
	e.seeACK(tcpSegment{ack: 120}, segmentOptions{sack: [][2]uint32{{130, 151}}})
	e.seeACK(tcpSegment{ack: 120}, segmentOptions{hasTS: true, tsecr: 999})
	r := e.report
	if r.BadACK != 1 || r.BadSACK != 1 || r.BadTSecr != 1 {
		t.Errorf("not noticed: %+v", r)
	}
}

func TestSegment(t *testing.T) {
	for _, end := range []string{"192.0.2.1:1000", "[2001:db8::1]:1000"} {
		ap := netip.MustParseAddrPort(end)
		s := tcpSegment{src: ap, dst: ap, seq: 1, ack: 2, flags: flagACK, window: 3, opts: []byte{optMSS, 4, 5, 0xb4}, data: []byte("abc")}
		pkt := s.marshal()
		got, ok := parseSegment(pkt)
		if !ok || got.src != ap || got.seq != 1 || got.ack != 2 || !bytes.Equal(got.data, s.data) || got.parseOptions().mss != 1460 {
			t.Errorf("%s: %+v became %+v", end, s, got)
		}
		for n := range pkt {
			parseSegment(pkt[:n])
		}
	}
}
