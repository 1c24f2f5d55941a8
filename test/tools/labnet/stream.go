// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"io"
)

// stream is an endless sequence of bytes that both ends can make from a seed. It
// is cheap, so that the network and not the generator is what a transfer waits
// for, and any lost, doubled or moved byte changes its hash.
type stream struct {
	state uint64
	rest  []byte
	word  [8]byte
}

func newStream(seed uint64) *stream {
	// xorshift stays at zero for ever, so no seed may lead there.
	return &stream{state: seed*2 + 1}
}

// Read fills p; it never fails.
func (s *stream) Read(p []byte) (int, error) {
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	for len(p)-n >= 8 {
		binary.LittleEndian.PutUint64(p[n:], s.next())
		n += 8
	}
	if n < len(p) {
		binary.LittleEndian.PutUint64(s.word[:], s.next())
		k := copy(p[n:], s.word[:])
		s.rest = s.word[k:]
		n += k
	}
	return n, nil
}

func (s *stream) next() uint64 {
	x := s.state
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	s.state = x
	return x
}

// streamReader is the first size bytes of the stream of a seed.
func streamReader(seed uint64, size int64) io.Reader {
	return io.LimitReader(newStream(seed), size)
}
