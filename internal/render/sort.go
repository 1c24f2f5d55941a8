// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"encoding/binary"
	"net/netip"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

// ipvsadm compares unsigned numbers by the sign of their 32-bit difference, so
// that 192.168.0.1 comes before 10.0.0.1, and the order of three numbers can be
// a circle. To print what it prints we need its comparison and the algorithm of
// glibc's qsort, a merge sort that halves from the top.

// SortServices brings services into the order in which ipvsadm lists them.
func SortServices(s []np.Service) { mergeSort(s, compareServices) }

// SortDests brings real servers into the order in which ipvsadm lists them.
func SortDests(d []np.Dest) { mergeSort(d, compareDests) }

func mergeSort[T any](s []T, compare func(a, b *T) int) {
	order := make([]*T, len(s))
	for i := range s {
		order[i] = &s[i]
	}
	mergePointers(order, make([]*T, len(s)), compare)
	sorted := make([]T, len(s))
	for i, p := range order {
		sorted[i] = *p
	}
	copy(s, sorted)
}

func mergePointers[T any](s, tmp []*T, compare func(a, b *T) int) {
	if len(s) <= 1 {
		return
	}
	half := len(s) / 2
	a, b := s[:half], s[half:]
	mergePointers(a, tmp, compare)
	mergePointers(b, tmp, compare)
	out := tmp[:0]
	for len(a) > 0 && len(b) > 0 {
		if compare(a[0], b[0]) <= 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	out = append(out, a...)
	// What is left of b is in its place already.
	copy(s, out)
}

// diff is the sign of the difference of two numbers as C has it.
func diff(a, b uint32) int { return int(int32(a - b)) }

func compareServices(a, b *np.Service) int {
	if c := diff(a.FWMark, b.FWMark); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Family, b.Family); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Protocol, b.Protocol); c != 0 {
		return c
	}
	return compareEndpoints(a.Addr, b.Addr, a.Port, b.Port)
}

func compareDests(a, b *np.Dest) int {
	return compareEndpoints(a.Addr, b.Addr, a.Port, b.Port)
}

// compareEndpoints compares as many words of the addresses as the first one
// has.
func compareEndpoints(a, b netip.Addr, portA, portB uint16) int {
	wa, wb := words(a), words(b)
	n := 1
	if a.Is6() {
		n = len(wa)
	}
	for i := range n {
		if c := diff(wa[i], wb[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(portA, portB)
}

// words lays an address out as the kernel does: IPv4 in the first of four
// words.
func words(a netip.Addr) (w [4]uint32) {
	if !a.IsValid() {
		return w
	}
	if a.Is4() {
		b := a.As4()
		w[0] = binary.BigEndian.Uint32(b[:])
		return w
	}
	b := a.As16()
	for i := range w {
		w[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	return w
}
