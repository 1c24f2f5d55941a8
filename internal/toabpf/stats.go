// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"fmt"
)

// Counter is a line of the statistics, with a value per CPU.
type Counter struct {
	Name   string
	PerCPU []uint64
}

// Sum is over all CPUs.
func (c Counter) Sum() uint64 {
	var sum uint64
	for _, v := range c.PerCPU {
		sum += v
	}
	return sum
}

// statNames are the counters of enum toa_stat in bpf/toa_maps.h, by the names of
// the module's.
var statNames = [...]string{
	"syn_recv_sock_toa",
	"syn_recv_sock_no_toa",
	"getname_toa_ok",
	"getname_toa_mismatch",
	"getname_toa_bypass",
	"getname_toa_nat64",
	"getsockopt_toa_ok",
	"toa_entry_alloc",
	"ip6_address_alloc",
	"toa_syn_kept",
	"toa_untrusted",
	"toa_bad_addr",
	"toa_no_mem",
}

// ended are the counters that no program counts: what has come and is not there.
var ended = map[string]string{"toa_entry_alloc": "toa_entry_free", "ip6_address_alloc": "ip6_address_free"}

// ReadStats reads the counters of all namespaces together.
func ReadStats() ([]Counter, error) {
	maps, err := pinned("counters")
	if err != nil {
		return nil, err
	}
	defer closeAll(maps)
	var perCPU [][len(statNames)]uint64
	if err := maps[0].Lookup(uint32(0), &perCPU); err != nil {
		return nil, fmt.Errorf("counters: %w", err)
	}
	// Later than the counters: what comes meanwhile makes it too large, not small.
	live, err := countLive()
	if err != nil {
		return nil, err
	}
	var counters []Counter
	for id, name := range statNames {
		c := Counter{Name: name, PerCPU: make([]uint64, len(perCPU))}
		for cpu := range perCPU {
			c.PerCPU[cpu] = perCPU[cpu][id]
		}
		counters = append(counters, c)
		if free, ok := ended[name]; ok {
			counters = append(counters, endedCounter(free, c, live[name]))
		}
	}
	unhooked, err := unhookedCounter(len(perCPU))
	return append(counters, unhooked), err
}

// countLive counts connections by the counter that counts their coming.
func countLive() (map[string]uint64, error) {
	live := map[string]uint64{}
	err := EachConn(func(c Conn) error {
		live["toa_entry_alloc"]++
		if c.Client.Addr().Is6() {
			live["ip6_address_alloc"]++
		}
		return nil
	})
	return live, err
}

// endedCounter has its value in the first column, so that sums are right.
func endedCounter(name string, came Counter, live uint64) Counter {
	c := Counter{Name: name, PerCPU: make([]uint64, len(came.PerCPU))}
	if sum := came.Sum(); sum > live && len(c.PerCPU) > 0 {
		c.PerCPU[0] = sum - live
	}
	return c
}

// unhookedCounter is 1 when a program is not at its hook any more.
func unhookedCounter(cpus int) (Counter, error) {
	c := Counter{Name: "getname_unhooked", PerCPU: make([]uint64, cpus)}
	s := &Status{}
	for _, h := range hooks {
		if err := s.look(h); err != nil {
			return c, err
		}
	}
	if !s.Whole() && cpus > 0 {
		c.PerCPU[0] = 1
	}
	return c, nil
}
