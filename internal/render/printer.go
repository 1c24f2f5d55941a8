// SPDX-License-Identifier: Apache-2.0

// Package render prints tables as ipvsadm 1.31 does. It knows nothing of where
// the data comes from: each method of a Printer prints one object.
package render

import (
	"bufio"
	"io"
	"strconv"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// Format says which form of the list is wanted. Where several are set the one
// that comes first in Stats, Rate, Thresholds, PersistentConn, TunInfo wins,
// and Rule before all of them.
type Format struct {
	Rule           bool
	Stats          bool
	Rate           bool
	Thresholds     bool
	PersistentConn bool
	TunInfo        bool
	// Local adds a column with local addresses to the list of connections.
	Local bool
	// Exact prints large numbers in full.
	Exact bool
}

// Service is a service with what our own family adds to it.
type Service struct {
	np.Service
	SynProxy bool
}

// Printer prints objects to a writer. The first error stays and is returned by
// Flush, so the methods have none.
type Printer struct {
	w      *bufio.Writer
	format Format
	namer  spec.Namer
	line   []byte
	svc    np.ServiceKey
	name   []byte // name of the service last printed, for its real servers
}

// New returns a Printer. A nil Namer is --numeric.
func New(w io.Writer, f Format, n spec.Namer) *Printer {
	return &Printer{w: bufio.NewWriterSize(w, 64<<10), format: f, namer: n}
}

// Flush writes what is buffered and returns the first error there was.
func (p *Printer) Flush() error { return p.w.Flush() }

// end writes the line that has been put together.
func (p *Printer) end() {
	p.line = append(p.line, '\n')
	p.w.Write(p.line) // the error stays in the bufio.Writer
	p.line = p.line[:0]
}

func (p *Printer) str(s string) { p.line = append(p.line, s...) }

func (p *Printer) uint(n uint64) { p.line = strconv.AppendUint(p.line, n, 10) }

// left appends s and pads it to width, as %-*s does.
func (p *Printer) left(s string, width int) {
	from := len(p.line)
	p.line = append(p.line, s...)
	p.pad(from, width)
}

// leftUint appends n and pads it to width, as %-*u does.
func (p *Printer) leftUint(n uint64, width int) {
	from := len(p.line)
	p.uint(n)
	p.pad(from, width)
}

// pad fills the line with blanks up to width columns behind from.
func (p *Printer) pad(from, width int) {
	for len(p.line)-from < width {
		p.line = append(p.line, ' ')
	}
}

// right appends n behind as many blanks as fill width, as %*u does.
func (p *Printer) right(n uint64, width int) {
	var b [20]byte
	digits := strconv.AppendUint(b[:0], n, 10)
	for i := len(digits); i < width; i++ {
		p.line = append(p.line, ' ')
	}
	p.line = append(p.line, digits...)
}

// units are the limits below which a number is printed in a unit.
var units = []struct {
	below, divisor uint64
	letter         byte
}{
	{1e9, 1e3, 'K'},
	{1e11, 1e6, 'M'},
	{1e14, 1e9, 'G'},
	{^uint64(0), 1e12, 'T'},
}

// large appends a number in nine columns, shortened to a decimal unit unless
// exact numbers are wanted, which keep a blank in front.
func (p *Printer) large(n uint64) {
	if n < 1e8 {
		p.right(n, 9)
		return
	}
	if p.format.Exact {
		p.str(" ")
		p.uint(n)
		return
	}
	for _, u := range units {
		if n < u.below || u.letter == 'T' {
			p.right(n/u.divisor, 8)
			p.line = append(p.line, u.letter)
			return
		}
	}
}

// counters appends the five numbers of a list of statistics.
func (p *Printer) counters(s *np.Stats) {
	for _, n := range [...]uint64{s.Conns, s.InPkts, s.OutPkts, s.InBytes, s.OutBytes} {
		p.large(n)
	}
}

// rates appends the five numbers of a list of rates.
func (p *Printer) rates(s *np.Stats) {
	for _, n := range [...]uint64{s.CPS, s.InPPS, s.OutPPS, s.InBPS, s.OutBPS} {
		p.large(n)
	}
}
