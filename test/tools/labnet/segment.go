// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// TCP flags and the kinds of option that an endpoint knows.
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagPSH = 0x08
	flagACK = 0x10

	optMSS    = 2
	optScale  = 3
	optSACKOK = 4
	optSACK   = 5
	optTS     = 8
)

// segment is a TCP segment with the addresses of its packet.
type tcpSegment struct {
	src, dst netip.AddrPort
	seq, ack uint32
	flags    byte
	window   uint16
	opts     []byte
	data     []byte
}

// segmentOptions are the options of a segment that mean something here.
type segmentOptions struct {
	mss, scale   int
	hasScale     bool
	sackOK       bool
	hasTS        bool
	tsval, tsecr uint32
	sack         [][2]uint32
}

// length is how many sequence numbers the segment takes.
func (s tcpSegment) length() uint32 {
	n := uint32(len(s.data))
	if s.flags&flagSYN != 0 {
		n++
	}
	if s.flags&flagFIN != 0 {
		n++
	}
	return n
}

// marshal makes an IP packet of the segment, with its checksums.
func (s tcpSegment) marshal() []byte {
	opts := append([]byte(nil), s.opts...)
	for len(opts)%4 != 0 {
		opts = append(opts, 1)
	}
	th := make([]byte, 20, 20+len(opts)+len(s.data))
	binary.BigEndian.PutUint16(th[0:], s.src.Port())
	binary.BigEndian.PutUint16(th[2:], s.dst.Port())
	binary.BigEndian.PutUint32(th[4:], s.seq)
	binary.BigEndian.PutUint32(th[8:], s.ack)
	th[12] = byte(5+len(opts)/4) << 4
	th[13] = s.flags
	binary.BigEndian.PutUint16(th[14:], s.window)
	th = append(append(th, opts...), s.data...)
	src, dst := s.src.Addr().AsSlice(), s.dst.Addr().AsSlice()
	pseudo := sum(sum(uint32(len(th))+unix.IPPROTO_TCP, src), dst)
	binary.BigEndian.PutUint16(th[16:], ^fold(sum(pseudo, th)))
	if s.src.Addr().Is4() {
		return append(ip4Header(src, dst, len(th)), th...)
	}
	return append(ip6Header(src, dst, len(th)), th...)
}

func ip4Header(src, dst []byte, payload int) []byte {
	h := make([]byte, 20)
	h[0] = 0x45
	binary.BigEndian.PutUint16(h[2:], uint16(20+payload))
	h[6] = 0x40
	h[8] = 64
	h[9] = unix.IPPROTO_TCP
	copy(h[12:], src)
	copy(h[16:], dst)
	binary.BigEndian.PutUint16(h[10:], ^fold(sum(0, h)))
	return h
}

func ip6Header(src, dst []byte, payload int) []byte {
	h := make([]byte, 40)
	h[0] = 0x60
	binary.BigEndian.PutUint16(h[4:], uint16(payload))
	h[6] = unix.IPPROTO_TCP
	h[7] = 64
	copy(h[8:], src)
	copy(h[24:], dst)
	return h
}

// splitIP returns the addresses of a TCP packet without extension headers, and
// what is behind its IP header; false for anything else.
func splitIP(pkt []byte) (src, dst netip.Addr, th []byte, ok bool) {
	switch {
	case len(pkt) >= 20 && pkt[0]>>4 == 4:
		head, total := int(pkt[0]&15)*4, int(binary.BigEndian.Uint16(pkt[2:]))
		if pkt[9] != unix.IPPROTO_TCP || head < 20 || total < head || total > len(pkt) {
			return src, dst, nil, false
		}
		return netip.AddrFrom4([4]byte(pkt[12:16])), netip.AddrFrom4([4]byte(pkt[16:20])), pkt[head:total], true
	case len(pkt) >= 40 && pkt[0]>>4 == 6:
		total := 40 + int(binary.BigEndian.Uint16(pkt[4:]))
		if pkt[6] != unix.IPPROTO_TCP || total > len(pkt) {
			return src, dst, nil, false
		}
		return netip.AddrFrom16([16]byte(pkt[8:24])), netip.AddrFrom16([16]byte(pkt[24:40])), pkt[40:total], true
	}
	return src, dst, nil, false
}

// parseSegment reads a packet; false when it is no TCP segment.
func parseSegment(pkt []byte) (tcpSegment, bool) {
	src, dst, th, ok := splitIP(pkt)
	if !ok || len(th) < 20 {
		return tcpSegment{}, false
	}
	head := int(th[12]>>4) * 4
	if head < 20 || head > len(th) {
		return tcpSegment{}, false
	}
	return tcpSegment{
		src:    netip.AddrPortFrom(src, binary.BigEndian.Uint16(th[0:])),
		dst:    netip.AddrPortFrom(dst, binary.BigEndian.Uint16(th[2:])),
		seq:    binary.BigEndian.Uint32(th[4:]),
		ack:    binary.BigEndian.Uint32(th[8:]),
		flags:  th[13],
		window: binary.BigEndian.Uint16(th[14:]),
		opts:   th[20:head],
		data:   th[head:],
	}, true
}

// parseOptions reads the options up to the first that is malformed.
func (s tcpSegment) parseOptions() segmentOptions {
	var o segmentOptions
	for b := s.opts; len(b) > 0 && b[0] != 0; {
		if b[0] == 1 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			break
		}
		o.parse(b[0], b[2:b[1]])
		b = b[b[1]:]
	}
	return o
}

func (o *segmentOptions) parse(kind byte, body []byte) {
	switch {
	case kind == optMSS && len(body) == 2:
		o.mss = int(binary.BigEndian.Uint16(body))
	case kind == optScale && len(body) == 1:
		o.scale, o.hasScale = int(body[0]), true
	case kind == optSACKOK:
		o.sackOK = true
	case kind == optTS && len(body) == 8:
		o.hasTS = true
		o.tsval, o.tsecr = binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	case kind == optSACK:
		for ; len(body) >= 8; body = body[8:] {
			o.sack = append(o.sack, [2]uint32{binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])})
		}
	}
}
