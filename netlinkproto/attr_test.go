// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
)

// newRand returns a generator whose seed is in the test's output.
func newRand(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestEncoder_sameAsNetlinkPackage compares every method with the attribute
// encoder of the netlink package.
func TestEncoder_sameAsNetlinkPackage(t *testing.T) {
	r := newRand(t)
	for range 500 {
		var e encoder
		ae := netlink.NewAttributeEncoder()
		randomAttrs(r, &e, ae, 3)
		want, err := ae.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if e.err != nil {
			t.Fatal(e.err)
		}
		if !bytes.Equal(e.b, want) {
			t.Fatalf("encoded\n%x, want\n%x", e.b, want)
		}
	}
}

// randomAttrs appends the same attributes to both encoders.
func randomAttrs(r *rand.Rand, e *encoder, ae *netlink.AttributeEncoder, depth int) {
	for range r.IntN(6) {
		typ, v := uint16(r.IntN(200)), r.Uint64()
		switch r.IntN(7) {
		case 0:
			e.u8(typ, uint8(v))
			ae.Uint8(typ, uint8(v))
		case 1:
			e.u16(typ, uint16(v))
			ae.Uint16(typ, uint16(v))
		case 2:
			e.u32(typ, uint32(v))
			ae.Uint32(typ, uint32(v))
		case 3:
			e.be16(typ, uint16(v))
			ae.Bytes(typ, binary.BigEndian.AppendUint16(nil, uint16(v)))
		case 4:
			b := make([]byte, r.IntN(20))
			e.bytes(typ, b)
			ae.Bytes(typ, b)
		case 5:
			s := strings.Repeat("x", r.IntN(15))
			e.str(typ, "s", s, 16)
			ae.String(typ, s)
		case 6:
			if depth == 0 {
				continue
			}
			e.nest(typ, func(e *encoder) {
				ae.Nested(typ, func(ae *netlink.AttributeEncoder) error {
					randomAttrs(r, e, ae, depth-1)
					return nil
				})
			})
		}
	}
}

func TestEncoder_refuses(t *testing.T) {
	tests := []struct {
		name string
		f    func(*encoder)
		want string
	}{
		{"string too long", func(e *encoder) { e.str(1, "scheduler", "sixteen letters!", 16) }, "longer than 15 bytes"},
		{"string with zero", func(e *encoder) { e.str(1, "scheduler", "a\x00b", 16) }, "zero byte"},
		{"huge attribute", func(e *encoder) { e.bytes(1, make([]byte, 70000)) }, "of 70000 bytes"},
		{"huge nest", func(e *encoder) {
			e.nest(1, func(e *encoder) {
				e.bytes(1, make([]byte, 40000))
				e.bytes(2, make([]byte, 40000))
			})
		}, "attribute 1 of 80012 bytes"},
		{"address with a zone", func(e *encoder) { e.addr(1, netip.MustParseAddr("fe80::1%eth0")) }, "has a zone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e encoder
			tt.f(&e)
			if e.err == nil || !strings.Contains(e.err.Error(), tt.want) {
				t.Errorf("error %v, want %q", e.err, tt.want)
			}
		})
	}
}

func TestEncoder_firstErrorStays(t *testing.T) {
	var e encoder
	e.fail("first")
	e.fail("second")
	if e.err.Error() != "first" {
		t.Errorf("error %v", e.err)
	}
}

// TestWalk_sameAsNetlinkPackage decodes what the netlink package encoded.
func TestWalk_sameAsNetlinkPackage(t *testing.T) {
	b, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: 1, Data: []byte{1}},
		{Type: 2 | netlink.Nested, Data: []byte{1, 2, 3, 4}},
		{Type: 3 | netlink.NetByteOrder, Data: []byte{}},
		{Type: 0x3fff, Data: []byte("hello\x00")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []attr
	if err := walk(b, func(a attr) error { got = append(got, a); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []attr{{1, []byte{1}}, {2, []byte{1, 2, 3, 4}}, {3, []byte{}}, {0x3fff, []byte("hello\x00")}}
	if len(got) != len(want) {
		t.Fatalf("%d attributes, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].typ != want[i].typ || !bytes.Equal(got[i].data, want[i].data) {
			t.Errorf("attribute %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestWalk_malformed(t *testing.T) {
	head := func(n, typ uint16, data ...byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, n)
		return append(binary.NativeEndian.AppendUint16(b, typ), data...)
	}
	for name, b := range map[string][]byte{
		"shorter than a header":   {1, 0},
		"length of zero":          head(0, 1),
		"length below the header": head(3, 1),
		"longer than the rest":    head(9, 1, 1, 2, 3, 4),
		"bytes behind":            append(head(8, 1, 1, 2, 3, 4), 1, 2),
	} {
		t.Run(name, func(t *testing.T) {
			err := walk(b, func(attr) error { return nil })
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
		})
	}
}

// TestWalk_lastUnpadded: the kernel may leave out the padding at the end.
func TestWalk_lastUnpadded(t *testing.T) {
	b := append(binary.NativeEndian.AppendUint16(nil, 5), 0, 0, 7)
	binary.NativeEndian.PutUint16(b[2:], 1)
	var v uint8
	if err := walk(b, func(a attr) error { return setU8(a, &v) }); err != nil || v != 7 {
		t.Errorf("value %d, error %v", v, err)
	}
}

func TestSet_wrongSize(t *testing.T) {
	five := attr{typ: 9, data: make([]byte, 5)}
	var (
		v8  uint8
		v16 uint16
		v32 uint32
		v64 uint64
	)
	for name, err := range map[string]error{
		"u8": setU8(five, &v8), "u16": setU16(five, &v16), "be16": setBE16(five, &v16),
		"u32": setU32(five, &v32), "u64": setU64(five, &v64),
	} {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
}

func TestSetString(t *testing.T) {
	for in, want := range map[string]string{"rr\x00": "rr", "rr": "rr", "": "", "\x00": "", "a\x00b\x00": "a"} {
		var s string
		if err := setString(attr{data: []byte(in)}, &s); err != nil || s != want {
			t.Errorf("%q gives %q, %v; want %q", in, s, err, want)
		}
	}
}
