// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"fmt"
	"net/netip"
	"strings"
)

// DefaultScheduler is what a service gets that names none.
const DefaultScheduler = "wlc"

// The bits of a service's flags that belong to its scheduler.
const (
	SchedFlag1 uint32 = 1 << (iota + 3)
	SchedFlag2
	SchedFlag3
	SchedFlags = SchedFlag1 | SchedFlag2 | SchedFlag3
)

// schedFlag is a name of a scheduler flag; sched is the one scheduler that
// has it, or empty.
type schedFlag struct {
	name, sched string
	bit         uint32
}

var schedFlags = []schedFlag{
	{"flag-1", "", SchedFlag1},
	{"flag-2", "", SchedFlag2},
	{"flag-3", "", SchedFlag3},
	{"sh-fallback", "sh", SchedFlag1},
	{"sh-port", "sh", SchedFlag2},
	{"mh-fallback", "mh", SchedFlag1},
	{"mh-port", "mh", SchedFlag2},
}

// ParseSchedFlags reads a comma-separated list for the scheduler sched. Empty
// names are passed over, as strtok does.
func ParseSchedFlags(sched, list string) (uint32, error) {
	if sched == "" {
		sched = DefaultScheduler
	}
	var bits uint32
next:
	for _, name := range strings.Split(list, ",") {
		if name == "" {
			continue
		}
		for _, f := range schedFlags {
			if f.name != name {
				continue
			}
			if f.sched != "" && f.sched != sched {
				return 0, fmt.Errorf("incompatible scheduler flag `%s'", name)
			}
			bits |= f.bit
			continue next
		}
		return 0, fmt.Errorf("invalid scheduler flag `%s'", name)
	}
	return bits, nil
}

// FormatSchedFlags names the scheduler flags of a service. Schedulers that have
// names of their own for them show those alone.
func FormatSchedFlags(sched string, bits uint32) string {
	own := ""
	if sched == "sh" || sched == "mh" {
		own = sched
	}
	var names []string
	for _, f := range schedFlags {
		if f.sched == own && bits&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ",")
}

// SaveSchedFlags names the scheduler flags of a service so that ParseSchedFlags
// reads the same bits: where a scheduler has no name of its own for a bit, that
// is the general one, which ipvsadm 1.31 leaves out.
func SaveSchedFlags(sched string, bits uint32) string {
	names := FormatSchedFlags(sched, bits)
	if (sched == "sh" || sched == "mh") && bits&SchedFlag3 != 0 {
		return strings.TrimPrefix(names+",flag-3", ",")
	}
	return names
}

// TunnelTypes are the names of the tunnel types by number.
var TunnelTypes = []string{"ipip", "gue", "gre"}

// ParseTunnelType returns the number of a tunnel type.
func ParseTunnelType(s string) (uint8, bool) {
	for i, name := range TunnelTypes {
		if name == s {
			return uint8(i), true
		}
	}
	return 0, false
}

// ParseGroup reads the multicast group of a sync daemon.
func ParseGroup(s string) (netip.Addr, error) {
	family := "IPv4"
	if strings.Contains(s, ":") {
		family = "IPv6"
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || !a.IsMulticast() || a.Is4In6() {
		return netip.Addr{}, fmt.Errorf("invalid %s mcast-group `%s'", family, s)
	}
	return a, nil
}
