// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ethernetHeader is how long the header of a frame is: two addresses, a type.
const ethernetHeader = 14

// bareWire is one end of a network without a kernel's TCP in it: frames go out of a
// device and come in from it as they are.
type bareWire struct {
	out, in int
	// header of what goes out: to the router, from the device.
	header [ethernetHeader]byte
	buf    []byte
	sent   int
}

// hostOrder is a 16 bit number of the network as it lies in memory.
func hostOrder(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

// openWire opens device eth0 of a named namespace for packets of one family; the
// thread stays in that namespace.
func openWire(netns string, router net.HardwareAddr, v6 bool) (*bareWire, error) {
	if err := enterNetns(netns); err != nil {
		return nil, err
	}
	ifi, err := net.InterfaceByName("eth0")
	if err != nil {
		return nil, err
	}
	if len(router) != 6 || len(ifi.HardwareAddr) != 6 {
		return nil, errors.New("an Ethernet address has six bytes")
	}
	w := &bareWire{in: -1, buf: make([]byte, 65536)}
	copy(w.header[:], router)
	copy(w.header[6:], ifi.HardwareAddr)
	ethertype := uint16(unix.ETH_P_IP)
	if v6 {
		ethertype = unix.ETH_P_IPV6
	}
	binary.BigEndian.PutUint16(w.header[12:], ethertype)
	if w.out, err = packetSocket(ifi.Index, 0); err != nil {
		return nil, err
	}
	w.in, err = packetSocket(ifi.Index, ethertype)
	return w, err
}

// packetSocket is bound to a device; with ethertype 0 it gets nothing.
func packetSocket(ifindex int, ethertype uint16) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: hostOrder(ethertype), Ifindex: ifindex}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind a packet socket: %w", err)
	}
	return fd, nil
}

// deafen ends receiving: a copy for a socket would be part of what a packet costs.
func (w *bareWire) deafen() {
	if w.in >= 0 {
		unix.Close(w.in)
		w.in = -1
	}
}

// frame is a packet with the header of this wire.
func (w *bareWire) frame(packet []byte) []byte {
	return append(w.header[:], packet...)
}

// transmit sends a frame. The thread is not handed over meanwhile: what Go does
// around other system calls would be in the figures.
func (w *bareWire) transmit(frame []byte) error {
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(w.out), uintptr(unsafe.Pointer(&frame[0])), uintptr(len(frame)))
	if errno != 0 {
		return fmt.Errorf("send a frame of %d bytes: %w", len(frame), errno)
	}
	w.sent++
	return nil
}

// receive takes the next TCP segment that has come; false when there is none.
func (w *bareWire) receive() (tcpSegment, bool, error) {
	for {
		n, err := unix.Read(w.in, w.buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return tcpSegment{}, false, nil
		case err != nil:
			return tcpSegment{}, false, fmt.Errorf("receive a frame: %w", err)
		case n < ethernetHeader:
			continue
		}
		if seg, ok := parseSegment(w.buf[ethernetHeader:n]); ok {
			return seg, true, nil
		}
	}
}

// train is frames of many flows that are sent in turns.
type train struct {
	w      *bareWire
	frames [][]byte
	next   int
	step   uint32 // sequence numbers that a segment takes
	tcp    int    // where the TCP header begins
}

func newTrain(w *bareWire, segments []tcpSegment) *train {
	t := &train{w: w, tcp: ethernetHeader + 40}
	for _, seg := range segments {
		t.frames = append(t.frames, w.frame(seg.marshal()))
		t.step = seg.length()
		if seg.src.Addr().Is4() {
			t.tcp = ethernetHeader + 20
		}
	}
	return t
}

// advance makes the next segment of a flow out of its last one.
func (t *train) advance(frame []byte) {
	head := frame[t.tcp : t.tcp+20]
	change := uint32(^binary.BigEndian.Uint16(head[16:]))
	change += uint32(^binary.BigEndian.Uint16(head[4:])) + uint32(^binary.BigEndian.Uint16(head[6:]))
	binary.BigEndian.PutUint32(head[4:], binary.BigEndian.Uint32(head[4:])+t.step)
	change += uint32(binary.BigEndian.Uint16(head[4:])) + uint32(binary.BigEndian.Uint16(head[6:]))
	binary.BigEndian.PutUint16(head[16:], ^fold(change))
}

// run sends n segments.
func (t *train) run(n int) error {
	for range n {
		frame := t.frames[t.next]
		if err := t.w.transmit(frame); err != nil {
			return err
		}
		if t.step > 0 {
			t.advance(frame)
		}
		if t.next++; t.next == len(t.frames) {
			t.next = 0
		}
	}
	return nil
}
