// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// What advance makes of a frame is what marshal would have made.
func TestTrainAdvance(t *testing.T) {
	for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
		end := flowEnd{local: netip.AddrPortFrom(netip.MustParseAddr(addr), 10000),
			remote: netip.AddrPortFrom(netip.MustParseAddr(addr).Next(), 80), seq: 0xfffffff0, ack: 7, clock: 1, echo: 2}
		data := []byte("0123456789")
		train := newTrain(&bareWire{}, []tcpSegment{end.segment(flagACK, data)})
		for range 5 {
			train.advance(train.frames[0])
			end.seq += uint32(len(data))
			want := end.segment(flagACK, data)
			if got := string(train.frames[0][ethernetHeader:]); got != string(want.marshal()) {
				t.Fatalf("%s: %x, not %x", addr, got, want.marshal())
			}
		}
	}
}

// Both ends of an opener, over a pair of sockets in place of wires.
func TestFlowOpener(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	end := func(fd int) *bareWire {
		w := &bareWire{out: fd, in: fd, buf: make([]byte, 2000)}
		binary.BigEndian.PutUint16(w.header[12:], unix.ETH_P_IP)
		return w
	}
	for _, o := range []flowOpener{
		{payload: []byte("some data")},
		{oneWay: true},
	} {
		o.client, o.server = end(pair[0]), end(pair[1])
		o.target = netip.MustParseAddrPort("198.51.100.10:80")
		f, err := o.open(netip.MustParseAddrPort("192.0.2.10:10000"), 0xfffffffe)
		if err != nil {
			t.Fatal(err)
		}
		if f.client.seq != f.server.ack || f.server.seq != f.client.ack || f.server.heard != len(o.payload) {
			t.Errorf("%+v", f)
		}
	}
}
