// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// flowWindow and flowScale are announced by both ends: 1 GB, so that the segments
// of a measurement stay within what conntrack lets through.
const (
	flowWindow = 65535
	flowScale  = 14
)

// flowPatience is how long the next segment of a handshake may take.
const flowPatience = 5 * time.Second

// flowEnd is one end of a connection, as it sees the other one.
type flowEnd struct {
	local, remote netip.AddrPort
	seq, ack      uint32 // next of ours, next of the other one's
	acked         uint32 // what the other one has said it has
	clock, echo   uint32 // time stamps
	said, heard   int    // bytes of data
}

// segment is the next one of this end.
func (e *flowEnd) segment(flags byte, data []byte) tcpSegment {
	seg := tcpSegment{src: e.local, dst: e.remote, seq: e.seq, flags: flags, window: flowWindow, data: data}
	if flags&flagACK != 0 {
		seg.ack = e.ack
	}
	ts := []byte{1, 1, optTS, 10}
	ts = binary.BigEndian.AppendUint32(ts, e.clock)
	ts = binary.BigEndian.AppendUint32(ts, e.echo)
	seg.opts = ts
	if flags&flagSYN != 0 {
		seg.opts = append([]byte{optMSS, 4, 5, 180, optSACKOK, 2, 1, 1, 1, optScale, 3, flowScale}, ts...)
	}
	return seg
}

// took accounts for a segment of the other end; false for an old one.
func (e *flowEnd) took(seg tcpSegment) bool {
	if seg.flags&flagSYN == 0 && seg.seq != e.ack {
		return false
	}
	e.ack = seg.seq + seg.length()
	e.acked = seg.ack
	e.echo = seg.parseOptions().tsval
	e.heard += len(seg.data)
	return true
}

// flow is a connection with both ends.
type flow struct {
	client, server flowEnd
	answered       bool // the client has had its SYN-ACK
}

// established: each end has the other one's SYN, and knows that it has its own.
func (f *flow) established() bool {
	return f.answered && f.server.remote.IsValid() && f.server.acked == f.server.seq
}

// flowOpener opens connections between two ends on wires, one at a time.
type flowOpener struct {
	client, server *bareWire
	// oneWay: what the server says does not go by its wire, but is known to the
	// client at once. For direct routing, whose answers pass the director by.
	oneWay  bool
	payload []byte // each end says this once; nothing: no data
	target  netip.AddrPort
}

// open makes one connection from local; both ends have said their data then.
func (o *flowOpener) open(local netip.AddrPort, isn uint32) (*flow, error) {
	f := &flow{client: flowEnd{local: local, remote: o.target, seq: isn, clock: 1000000},
		server: flowEnd{seq: isn + 0x10000000, clock: 2000000}}
	if err := o.fromClient(f, flagSYN, nil); err != nil {
		return nil, err
	}
	for last := time.Now(); !o.settled(f); {
		progress, err := o.step(f)
		if err != nil {
			return nil, err
		}
		if progress {
			last = time.Now()
			continue
		}
		if time.Since(last) > flowPatience {
			return nil, fmt.Errorf("no answer; the client's end is %+v, the server's %+v", f.client, f.server)
		}
		fds := []unix.PollFd{{Fd: int32(o.client.in), Events: unix.POLLIN}, {Fd: int32(o.server.in), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, 100); err != nil && !errors.Is(err, unix.EINTR) {
			return nil, err
		}
	}
	return f, nil
}

// settled: each end has what the other one says, and knows that of its own.
func (o *flowOpener) settled(f *flow) bool {
	return f.established() && f.server.heard == len(o.payload) && f.client.heard == len(o.payload) &&
		f.client.acked == f.client.seq && f.server.acked == f.server.seq
}

// step does what is next on either side; false when there was nothing to do.
func (o *flowOpener) step(f *flow) (bool, error) {
	if f.established() && f.client.said < len(o.payload) {
		f.client.said = len(o.payload)
		return true, o.fromClient(f, flagACK|flagPSH, o.payload)
	}
	seg, came, err := o.server.receive()
	if err != nil {
		return false, err
	}
	if came {
		return true, o.atServer(f, seg)
	}
	seg, came, err = o.client.receive()
	if came && err == nil && seg.dst == f.client.local && seg.src == f.client.remote {
		return true, o.atClient(f, seg)
	}
	return came, err
}

func (o *flowOpener) fromClient(f *flow, flags byte, data []byte) error {
	seg := f.client.segment(flags, data)
	f.client.seq += seg.length()
	return o.client.transmit(o.client.frame(seg.marshal()))
}

func (o *flowOpener) fromServer(f *flow, flags byte, data []byte) error {
	seg := f.server.segment(flags, data)
	f.server.seq += seg.length()
	if o.oneWay {
		return o.atClient(f, seg)
	}
	return o.server.transmit(o.server.frame(seg.marshal()))
}

func (o *flowOpener) atServer(f *flow, seg tcpSegment) error {
	switch {
	case seg.flags&(flagSYN|flagACK) == flagSYN:
		f.server.local, f.server.remote = seg.dst, seg.src
		f.server.took(seg)
		return o.fromServer(f, flagSYN|flagACK, nil)
	case seg.src != f.server.remote || !f.server.took(seg) || len(seg.data) == 0:
		return nil
	}
	data := o.payload
	f.server.said = len(data)
	return o.fromServer(f, flagACK|flagPSH, data)
}

func (o *flowOpener) atClient(f *flow, seg tcpSegment) error {
	if !f.client.took(seg) || seg.flags&flagRST != 0 {
		return nil
	}
	if seg.flags&flagSYN != 0 {
		f.answered = true
	}
	if seg.length() == 0 {
		return nil
	}
	return o.fromClient(f, flagACK, nil)
}
