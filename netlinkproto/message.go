// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"encoding/binary"
	"syscall"
)

// Numbers of netlink and generic netlink itself (linux/netlink.h,
// linux/genetlink.h), which no UAPI header of IPVS has.
const (
	msgHeaderLen  = 16
	genlHeaderLen = 4

	msgError = 2
	msgDone  = 3

	flagRequest  = 0x1
	flagAck      = 0x4
	flagDumpIntr = 0x10
	flagDump     = 0x300
	flagCapped   = 0x100
	flagAckTLVs  = 0x200

	extAckMsg = 1
)

// header is struct nlmsghdr without the length.
type header struct {
	typ   uint16
	flags uint16
	seq   uint32
	pid   uint32
}

// appendMessage appends a whole generic netlink message to b.
func appendMessage(b []byte, h header, cmd, version uint8, attrs []byte) []byte {
	n := msgHeaderLen + genlHeaderLen + len(attrs)
	b = binary.NativeEndian.AppendUint32(b, uint32(n))
	b = binary.NativeEndian.AppendUint16(b, h.typ)
	b = binary.NativeEndian.AppendUint16(b, h.flags)
	b = binary.NativeEndian.AppendUint32(b, h.seq)
	b = binary.NativeEndian.AppendUint32(b, h.pid)
	b = append(b, cmd, version, 0, 0)
	b = append(b, attrs...)
	return append(b, make([]byte, align4(n)-n)...)
}

// walkMessages calls f for each netlink message of a datagram until f is done
// or fails.
func walkMessages(b []byte, f func(h header, data []byte) (done bool, err error)) (bool, error) {
	for len(b) >= msgHeaderLen {
		n := int(binary.NativeEndian.Uint32(b))
		if n < msgHeaderLen || n > len(b) {
			return false, malformed("message of %d bytes with %d left", n, len(b))
		}
		h := header{
			typ:   binary.NativeEndian.Uint16(b[4:]),
			flags: binary.NativeEndian.Uint16(b[6:]),
			seq:   binary.NativeEndian.Uint32(b[8:]),
			pid:   binary.NativeEndian.Uint32(b[12:]),
		}
		done, err := f(h, b[msgHeaderLen:n:n])
		if done || err != nil {
			return done, err
		}
		b = b[min(align4(n), len(b)):]
	}
	if len(b) != 0 {
		return false, malformed("%d bytes behind the last message", len(b))
	}
	return false, nil
}

// genlPayload returns command and attributes of a generic netlink message.
func genlPayload(data []byte) (cmd uint8, attrs []byte, err error) {
	if len(data) < genlHeaderLen {
		return 0, nil, malformed("generic netlink message of %d bytes", len(data))
	}
	return data[0], data[genlHeaderLen:], nil
}

// parseStatus reads the errno and the explanation of a message of type error or
// done. A done message may be empty.
func parseStatus(h header, data []byte) (syscall.Errno, string, error) {
	if len(data) < 4 {
		if h.typ == msgDone && len(data) == 0 {
			return 0, "", nil
		}
		return 0, "", malformed("status message of %d bytes", len(data))
	}
	// A negative errno; taken as unsigned so that no value of a hostile
	// sender overflows.
	errno := syscall.Errno(-binary.NativeEndian.Uint32(data))
	if h.flags&flagAckTLVs == 0 {
		return errno, "", nil
	}
	return errno, extAckText(h, data[4:]), nil
}

// extAckText finds the kernel's explanation behind the errno. It is only an
// explanation: a broken one is left out.
func extAckText(h header, b []byte) (text string) {
	if h.typ == msgError {
		// The request comes first: its header, or all of it.
		if len(b) < msgHeaderLen {
			return ""
		}
		n := msgHeaderLen
		if h.flags&flagCapped == 0 {
			n = int(binary.NativeEndian.Uint32(b))
		}
		if n < msgHeaderLen || n > len(b) {
			return ""
		}
		b = b[min(align4(n), len(b)):]
	}
	_ = walk(b, func(a attr) error {
		if a.typ == extAckMsg {
			return setString(a, &text)
		}
		return nil
	})
	return text
}

// setFlags changes the flags of the message that b begins with.
func setFlags(b []byte, flags uint16) {
	binary.NativeEndian.PutUint16(b[6:8], flags)
}
