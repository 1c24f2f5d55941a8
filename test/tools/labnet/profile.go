// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// profilePages of memory take 64 000 samples; a power of two.
const profilePages = 256

// profilePeriods are how many nanoseconds lie between two samples: instructions,
// where the clock counts these. One alone may keep step with the packets. The
// kernel takes none below 10 000.
var profilePeriods = []uint64{10007, 11027, 12163, 13291, 14519, 15877, 17321, 18911}

// symbol is a function of the kernel or of a module, whose name follows then.
type symbol struct {
	addr uint64
	name string
}

// readSymbols reads functions out of /proc/kallsyms, in order of their addresses.
func readSymbols(text []byte) ([]symbol, error) {
	var all []symbol
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 3 || !strings.ContainsAny(words[1], "tTwW") {
			continue
		}
		addr, err := strconv.ParseUint(words[0], 16, 64)
		if err != nil {
			return nil, fmt.Errorf("symbol %q: %w", words[2], err)
		}
		all = append(all, symbol{addr, strings.Join(words[2:], " ")})
	}
	if len(all) == 0 || all[len(all)-1].addr == 0 {
		return nil, errors.New("the kernel does not show its symbols")
	}
	slices.SortStableFunc(all, func(a, b symbol) int { return cmp.Compare(a.addr, b.addr) })
	return all, lines.Err()
}

// functionAt names the function that an address is in.
func functionAt(all []symbol, addr uint64) string {
	i := sort.Search(len(all), func(i int) bool { return all[i].addr > addr })
	// What is not the kernel's is the program that sends.
	if i == 0 || addr>>63 == 0 {
		return "(program)"
	}
	return all[i-1].name
}

// profile samples where this thread is, by a clock of the kernel's.
type profile struct {
	fd   int
	ring []byte
}

// allowSamples lifts the limits of a kernel that throttles what samples too
// often for a real machine; the rate cannot be set while nothing throttles.
func allowSamples() error {
	for _, setting := range [][2]string{
		{"perf_cpu_time_max_percent", "25"},
		{"perf_event_max_sample_rate", "1000000"},
		{"perf_cpu_time_max_percent", "0"},
	} {
		if err := os.WriteFile("/proc/sys/kernel/"+setting[0], []byte(setting[1]), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func startProfile(period uint64) (*profile, error) {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK,
		Sample: period, Sample_type: unix.PERF_SAMPLE_IP, Bits: unix.PerfBitDisabled}
	attr.Size = uint32(unsafe.Sizeof(attr))
	if err := allowSamples(); err != nil {
		return nil, err
	}
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("perf event: %w", err)
	}
	ring, err := unix.Mmap(fd, 0, (1+profilePages)*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("map a perf event: %w", err)
	}
	return &profile{fd, ring}, unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0)
}

// stop adds how many samples fell into each function.
func (p *profile) stop(counts map[string]int) error {
	defer unix.Close(p.fd)
	defer func() { _ = unix.Munmap(p.ring) }()
	if err := unix.IoctlSetInt(p.fd, unix.PERF_EVENT_IOC_DISABLE, 0); err != nil {
		return err
	}
	text, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		return err
	}
	symbols, err := readSymbols(text)
	if err != nil {
		return err
	}
	page := (*unix.PerfEventMmapPage)(unsafe.Pointer(&p.ring[0]))
	data := p.ring[os.Getpagesize():]
	for at, head := uint64(0), atomic.LoadUint64(&page.Data_head); at < head; {
		record := data[at%uint64(len(data)):]
		kind, size := binary.NativeEndian.Uint32(record), binary.NativeEndian.Uint16(record[6:])
		if size < 8 {
			return errors.New("a record of no length")
		}
		switch kind {
		case unix.PERF_RECORD_SAMPLE:
			counts[functionAt(symbols, binary.NativeEndian.Uint64(record[8:]))]++
		case unix.PERF_RECORD_LOST, unix.PERF_RECORD_THROTTLE:
			return fmt.Errorf("samples were lost (record of kind %d): measure fewer segments", kind)
		}
		at += uint64(size)
	}
	return nil
}

// printProfile shares out what a segment costs by the samples of each function,
// the dearest first, and says how many samples there were.
func printProfile(out io.Writer, way string, counts map[string]int, cost int64) {
	names := make([]string, 0, len(counts))
	samples := 0
	for name := range counts {
		names = append(names, name)
		samples += counts[name]
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for _, name := range names {
		fmt.Fprintf(out, "profile %s %d %s\n", way, int64(counts[name])*cost/int64(samples), name)
	}
	fmt.Fprintf(out, "samples %s %d\n", way, samples)
}
