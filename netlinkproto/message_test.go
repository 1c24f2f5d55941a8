// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"encoding/binary"
	"errors"
	"syscall"
	"testing"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
)

// TestAppendMessage_sameAsNetlinkPackage decodes a message with the packages
// whose work it does.
func TestAppendMessage_sameAsNetlinkPackage(t *testing.T) {
	attrs := []byte{5, 0, 1, 0, 9}
	b := appendMessage([]byte("xxxx"), header{typ: 0x1b, flags: flagRequest | flagDump, seq: 7, pid: 9}, 3, 1, attrs)[4:]
	if len(b)%4 != 0 {
		t.Fatalf("%d bytes are not aligned", len(b))
	}
	var m netlink.Message
	if err := m.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	want := netlink.Header{Length: 25, Type: 0x1b, Flags: netlink.Request | netlink.Dump, Sequence: 7, PID: 9}
	if m.Header != want {
		t.Errorf("header %+v, want %+v", m.Header, want)
	}
	var g genetlink.Message
	if err := g.UnmarshalBinary(m.Data); err != nil {
		t.Fatal(err)
	}
	if g.Header != (genetlink.Header{Command: 3, Version: 1}) || string(g.Data) != string(attrs) {
		t.Errorf("generic message %+v", g)
	}
}

func TestMessageNumbers(t *testing.T) {
	for name, pair := range map[string][2]int{
		"ack":         {flagAck, int(netlink.Acknowledge)},
		"dump":        {flagDump, int(netlink.Dump)},
		"interrupted": {flagDumpIntr, int(netlink.DumpInterrupted)},
		"capped":      {flagCapped, int(netlink.Capped)},
		"TLVs":        {flagAckTLVs, int(netlink.AcknowledgeTLVs)},
		"nested":      {attrNested, int(netlink.Nested)},
		"error":       {msgError, int(netlink.Error)},
		"done":        {msgDone, int(netlink.Done)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %#x, the netlink package has %#x", name, pair[0], pair[1])
		}
	}
}

// errno lays out the kernel's status.
func errno(e syscall.Errno) []byte {
	return binary.NativeEndian.AppendUint32(nil, -uint32(e))
}

func TestParseStatus(t *testing.T) {
	text := marshal(str(1, "no such thing"), u32(2, 8))
	req := func(n int, rest ...byte) []byte {
		b := make([]byte, 16, 64)
		binary.NativeEndian.PutUint32(b, uint32(n))
		return append(b, rest...)
	}
	cat := func(bs ...[]byte) (out []byte) {
		for _, b := range bs {
			out = append(out, b...)
		}
		return out
	}
	tests := []struct {
		name  string
		h     header
		data  []byte
		errno syscall.Errno
		text  string
	}{
		{"acknowledgement", header{typ: msgError}, cat(errno(0), req(16)), 0, ""},
		{"error", header{typ: msgError}, cat(errno(syscall.EPERM), req(16)), syscall.EPERM, ""},
		{"capped with text", header{typ: msgError, flags: flagCapped | flagAckTLVs}, cat(errno(syscall.EINVAL), req(40), text), syscall.EINVAL, "no such thing"},
		{"whole request with text", header{typ: msgError, flags: flagAckTLVs}, cat(errno(syscall.EINVAL), req(19, 1, 2, 3, 0), text), syscall.EINVAL, "no such thing"},
		{"done", header{typ: msgDone}, nil, 0, ""},
		{"done with error and text", header{typ: msgDone, flags: flagAckTLVs}, cat(errno(syscall.ESRCH), text), syscall.ESRCH, "no such thing"},
		{"text without request", header{typ: msgError, flags: flagAckTLVs}, errno(syscall.EINVAL), syscall.EINVAL, ""},
		{"request longer than the message", header{typ: msgError, flags: flagAckTLVs}, cat(errno(syscall.EINVAL), req(400), text), syscall.EINVAL, ""},
		{"request shorter than a header", header{typ: msgError, flags: flagAckTLVs}, cat(errno(syscall.EINVAL), req(4), text), syscall.EINVAL, ""},
		{"broken text", header{typ: msgDone, flags: flagAckTLVs}, cat(errno(syscall.EINVAL), []byte{1, 0, 0, 0}), syscall.EINVAL, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			no, text, err := parseStatus(tt.h, tt.data)
			if err != nil || no != tt.errno || text != tt.text {
				t.Errorf("%v %q %v, want %v %q", no, text, err, tt.errno, tt.text)
			}
		})
	}
	for _, h := range []header{{typ: msgError}, {typ: msgDone}} {
		if _, _, err := parseStatus(h, []byte{1}); !errors.Is(err, ErrMalformed) {
			t.Errorf("type %d with one byte: error %v", h.typ, err)
		}
	}
	if _, _, err := parseStatus(header{typ: msgError}, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("empty error: %v", err)
	}
}

func TestWalkMessages_malformed(t *testing.T) {
	head := func(n uint32) []byte {
		b := make([]byte, 16)
		binary.NativeEndian.PutUint32(b, n)
		return b
	}
	for name, b := range map[string][]byte{
		"short":             make([]byte, 15),
		"length of zero":    head(0),
		"length of 15":      head(15),
		"longer than there": head(17),
		"bytes behind":      append(head(16), 1, 2, 3),
	} {
		_, err := walkMessages(b, func(header, []byte) (bool, error) { return false, nil })
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
}

func TestWalkMessages_stops(t *testing.T) {
	b := appendMessage(nil, header{seq: 1}, 1, 1, nil)
	b = appendMessage(b, header{seq: 2}, 1, 1, nil)
	var seen int
	done, err := walkMessages(b, func(header, []byte) (bool, error) { seen++; return true, nil })
	if !done || err != nil || seen != 1 {
		t.Errorf("done %v after %d messages, error %v", done, seen, err)
	}
	if _, _, err := genlPayload([]byte{1, 2, 3}); !errors.Is(err, ErrMalformed) {
		t.Errorf("short generic header: error %v", err)
	}
}

func TestDecodeFamily(t *testing.T) {
	group := func(i, id uint16, name string) netlink.Attribute { return nest(i, str(1, name), u32(2, uint32(id))) }
	f, err := decodeFamily(marshal(u16(1, 0x1b), str(2, "IPVS_FULLNAT"), u32(3, 1), nest(7, group(1, 5, "config"), group(2, 6, "other"))))
	if err != nil {
		t.Fatal(err)
	}
	if f.id != 0x1b || f.groups["config"] != 5 || f.groups["other"] != 6 {
		t.Errorf("%+v", f)
	}
	for name, b := range map[string][]byte{
		"short number": marshal(raw(1, 1)),
		"broken list":  marshal(raw(7, 1, 2)),
		"broken group": marshal(nest(7, raw(1, 1, 2))),
		"short group":  marshal(nest(7, nest(1, u16(2, 1)))),
	} {
		if _, err := decodeFamily(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
}
