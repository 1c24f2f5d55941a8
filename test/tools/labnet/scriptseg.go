// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// scriptSegment is one TCP segment with its addresses.
type scriptSegment struct {
	src, dst netip.AddrPort
	seq, ack uint32
	flags    byte
	window   uint16
	options  []byte
	payload  []byte
}

// String is one line, like tcpdump's.
func (s *scriptSegment) String() string {
	var flags strings.Builder
	for i, letter := range "FSRP" {
		if s.flags&(1<<i) != 0 {
			flags.WriteRune(letter)
		}
	}
	if s.flags&flagACK != 0 {
		flags.WriteByte('.')
	}
	return fmt.Sprintf("[%s] seq %d ack %d win %d options %x length %d",
		flags.String(), s.seq, s.ack, s.window, s.options, len(s.payload))
}

// marshal makes an IP packet of it. The options are a multiple of four bytes.
func (s *scriptSegment) marshal() []byte {
	t := make([]byte, 20, 20+len(s.options)+len(s.payload))
	binary.BigEndian.PutUint16(t[0:], s.src.Port())
	binary.BigEndian.PutUint16(t[2:], s.dst.Port())
	binary.BigEndian.PutUint32(t[4:], s.seq)
	binary.BigEndian.PutUint32(t[8:], s.ack)
	t[12] = byte(5+len(s.options)/4) << 4
	t[13] = s.flags
	binary.BigEndian.PutUint16(t[14:], s.window)
	t = append(append(t, s.options...), s.payload...)
	src, dst := s.src.Addr().AsSlice(), s.dst.Addr().AsSlice()
	pseudo := sum(sum(uint32(len(t))+unix.IPPROTO_TCP, src), dst)
	binary.BigEndian.PutUint16(t[16:], ^fold(sum(pseudo, t)))
	if s.src.Addr().Is4() {
		h := make([]byte, 20, 20+len(t))
		h[0] = 0x45
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(t)))
		h[6] = 0x40
		h[8], h[9] = 64, unix.IPPROTO_TCP
		copy(h[12:], src)
		copy(h[16:], dst)
		binary.BigEndian.PutUint16(h[10:], ^fold(sum(0, h)))
		return append(h, t...)
	}
	h := make([]byte, 40, 40+len(t))
	h[0] = 0x60
	binary.BigEndian.PutUint16(h[4:], uint16(len(t)))
	h[6], h[7] = unix.IPPROTO_TCP, 64
	copy(h[8:], src)
	copy(h[24:], dst)
	return append(h, t...)
}

// parseSegment reads an IP packet without options or extension headers.
func parseTCPSegment(pkt []byte) (*scriptSegment, error) {
	var src, dst netip.Addr
	var t []byte
	switch {
	case len(pkt) >= 20 && pkt[0] == 0x45 && pkt[9] == unix.IPPROTO_TCP:
		length := int(binary.BigEndian.Uint16(pkt[2:]))
		if length < 20 || length > len(pkt) {
			return nil, errors.New("an impossible length")
		}
		src, dst = netip.AddrFrom4([4]byte(pkt[12:16])), netip.AddrFrom4([4]byte(pkt[16:20]))
		t = pkt[20:length]
	case len(pkt) >= 40 && pkt[0]>>4 == 6 && pkt[6] == unix.IPPROTO_TCP:
		src, dst = netip.AddrFrom16([16]byte(pkt[8:24])), netip.AddrFrom16([16]byte(pkt[24:40]))
		t = pkt[40:]
	default:
		return nil, errors.New("not a TCP segment")
	}
	if len(t) < 20 || int(t[12]>>4)*4 < 20 || int(t[12]>>4)*4 > len(t) {
		return nil, errors.New("a TCP header that is cut off")
	}
	pseudo := sum(sum(uint32(len(t))+unix.IPPROTO_TCP, src.AsSlice()), dst.AsSlice())
	if fold(sum(pseudo, t)) != 0xffff {
		return nil, errors.New("a wrong checksum")
	}
	header := int(t[12]>>4) * 4
	return &scriptSegment{
		src:     netip.AddrPortFrom(src, binary.BigEndian.Uint16(t[0:])),
		dst:     netip.AddrPortFrom(dst, binary.BigEndian.Uint16(t[2:])),
		seq:     binary.BigEndian.Uint32(t[4:]),
		ack:     binary.BigEndian.Uint32(t[8:]),
		flags:   t[13],
		window:  binary.BigEndian.Uint16(t[14:]),
		options: t[20:header],
		payload: t[header:],
	}, nil
}

// option is the value of the first option of a kind.
func (s *scriptSegment) option(kind byte) ([]byte, bool) {
	for o := s.options; len(o) > 0 && o[0] != 0; {
		if o[0] == 1 {
			o = o[1:]
			continue
		}
		if len(o) < 2 || o[1] < 2 || int(o[1]) > len(o) {
			return nil, false
		}
		if o[0] == kind {
			return o[2:o[1]], true
		}
		o = o[o[1]:]
	}
	return nil, false
}
