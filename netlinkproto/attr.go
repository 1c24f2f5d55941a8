// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// The codec of netlink attributes. It does what netlink.AttributeEncoder and
// netlink.AttributeDecoder do, which the tests hold it against, but encodes
// into one buffer and decodes in place: a dump of 20 000 services has more than
// half a million attributes, each of which would be copied to the heap.

const (
	attrHeaderLen = 4
	attrNested    = 1 << 15
	attrTypeMask  = 1<<14 - 1
	// attrMaxData is what fits into the header's 16-bit length.
	attrMaxData = 1<<16 - 1 - attrHeaderLen
)

func align4(n int) int { return (n + 3) &^ 3 }

// encoder appends attributes to b. The first error stays and is returned by
// the request that is built.
type encoder struct {
	b   []byte
	err error
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

// put appends an attribute with room for n bytes and returns the room.
func (e *encoder) put(typ uint16, n int) []byte {
	if n > attrMaxData {
		e.fail("attribute %d of %d bytes", typ, n)
		n = 0
	}
	start := len(e.b)
	e.b = append(e.b, make([]byte, attrHeaderLen+align4(n))...)
	h := e.b[start:]
	binary.NativeEndian.PutUint16(h, uint16(attrHeaderLen+n))
	binary.NativeEndian.PutUint16(h[2:], typ)
	return h[attrHeaderLen : attrHeaderLen+n]
}

func (e *encoder) u8(typ uint16, v uint8)   { copy(e.put(typ, 1), []byte{v}) }
func (e *encoder) u16(typ uint16, v uint16) { binary.NativeEndian.PutUint16(room(e.put(typ, 2), 2), v) }
func (e *encoder) u32(typ uint16, v uint32) { binary.NativeEndian.PutUint32(room(e.put(typ, 4), 4), v) }

// be16 appends a port, which is big endian on the wire.
func (e *encoder) be16(typ uint16, v uint16) { binary.BigEndian.PutUint16(room(e.put(typ, 2), 2), v) }

func (e *encoder) bytes(typ uint16, v []byte) { copy(e.put(typ, len(v)), v) }

// addr appends a as union nf_inet_addr.
func (e *encoder) addr(typ uint16, a netip.Addr) {
	if a.Zone() != "" {
		e.fail("address %v has a zone", a)
	}
	v := inetAddr(a)
	e.bytes(typ, v[:])
}

// str appends a string with its terminating zero. maxLen counts the zero.
func (e *encoder) str(typ uint16, what, s string, maxLen int) {
	switch {
	case len(s) >= maxLen:
		e.fail("%s %.20q is longer than %d bytes", what, s, maxLen-1)
	case bytes.IndexByte([]byte(s), 0) >= 0:
		e.fail("%s %q contains a zero byte", what, s)
	default:
		copy(e.put(typ, len(s)+1), s)
	}
}

// nest appends an attribute that holds what f appends.
func (e *encoder) nest(typ uint16, f func(*encoder)) {
	start := len(e.b)
	e.put(typ|attrNested, 0)
	f(e)
	n := len(e.b) - start
	if n > attrMaxData {
		e.fail("attribute %d of %d bytes", typ, n)
		return
	}
	binary.NativeEndian.PutUint16(e.b[start:], uint16(n))
}

// room is a bounds check that the compiler can see.
func room(b []byte, n int) []byte { return b[:n:n] }

// attr is one decoded attribute; data points into the message.
type attr struct {
	typ  uint16
	data []byte
}

// walk calls f for each attribute of b, nested and byte-order flags taken off
// the type. It stops at the first error.
func walk(b []byte, f func(attr) error) error {
	for len(b) >= attrHeaderLen {
		n := int(binary.NativeEndian.Uint16(b))
		if n < attrHeaderLen || n > len(b) {
			return malformed("attribute of %d bytes with %d left", n, len(b))
		}
		a := attr{typ: binary.NativeEndian.Uint16(b[2:]) & attrTypeMask, data: b[attrHeaderLen:n:n]}
		if err := f(a); err != nil {
			return err
		}
		b = b[min(align4(n), len(b)):]
	}
	if len(b) != 0 {
		return malformed("%d bytes behind the last attribute", len(b))
	}
	return nil
}

// malformed returns an error that is ErrMalformed.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// size checks the length of a.
func (a attr) size(n int) error {
	if len(a.data) != n {
		return malformed("attribute %d has %d bytes instead of %d", a.typ, len(a.data), n)
	}
	return nil
}

// setU8 and its brothers store an attribute's value, or return an error when
// its length is wrong.
func setU8[T ~uint8](a attr, to *T) error {
	if err := a.size(1); err != nil {
		return err
	}
	*to = T(a.data[0])
	return nil
}

func setU16[T ~uint16](a attr, to *T) error {
	if err := a.size(2); err != nil {
		return err
	}
	*to = T(binary.NativeEndian.Uint16(a.data))
	return nil
}

func setBE16(a attr, to *uint16) error {
	if err := a.size(2); err != nil {
		return err
	}
	*to = binary.BigEndian.Uint16(a.data)
	return nil
}

func setU32[T ~uint32 | ~int32](a attr, to *T) error {
	if err := a.size(4); err != nil {
		return err
	}
	*to = T(binary.NativeEndian.Uint32(a.data))
	return nil
}

// setU64 takes 32-bit values too, as stock's two kinds of statistics need.
func setU64(a attr, to *uint64) error {
	if len(a.data) == 4 {
		*to = uint64(binary.NativeEndian.Uint32(a.data))
		return nil
	}
	if err := a.size(8); err != nil {
		return err
	}
	*to = binary.NativeEndian.Uint64(a.data)
	return nil
}

// setString takes the text up to the terminating zero, which may be missing.
func setString(a attr, to *string) error {
	b := a.data
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if *to != string(b) {
		*to = string(b)
	}
	return nil
}

// decodeNested decodes the first-level attribute typ, which must be there.
func decodeNested[T any](b []byte, typ uint16, f func([]byte) (T, error)) (v T, err error) {
	found := false
	err = walk(b, func(a attr) (err error) {
		if a.typ == typ {
			found = true
			v, err = f(a.data)
		}
		return err
	})
	if err == nil && !found {
		err = malformed("no attribute %d in the answer", typ)
	}
	return v, err
}
