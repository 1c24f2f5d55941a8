// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

var (
	errMissing = errors.New("it is not there")
	errDouble  = errors.New("it is there already")
	errMethod  = errors.New("the method does not go with the service")
)

// runPlanLine changes the tables as the tool and the kernel do, and refuses what
// they refuse.
func runPlanLine(t *tables, line string) error {
	s := &session{env: &Env{Names: noNames{}}, program: "ipvsadm"}
	l, r, err := s.split(strings.Fields(line))
	if err == nil {
		err = r.apply(l.Tokens[1:])
	}
	if err == nil {
		err = r.finish(l.Words, l.Err)
	}
	switch {
	case err != nil:
		return err
	case r.given.has(optZone):
		return runZoneLine(t, r)
	case r.cmd == &addServiceCommand:
		return t.addService(r)
	case t.services[r.svc.ServiceKey] == nil:
		return errMissing
	case r.cmd == &deleteServiceCommand:
		delete(t.services, r.svc.ServiceKey)
		t.order = slices.DeleteFunc(t.order, func(k np.ServiceKey) bool { return k == r.svc.ServiceKey })
		return nil
	}
	return runServiceLine(t.services[r.svc.ServiceKey], r)
}

func runServiceLine(svc *serviceTable, r *request) error {
	switch r.cmd {
	case &editServiceCommand:
		svc.Service = r.svc
		if r.given.has(optSynProxy) {
			svc.synProxy = r.synProxy
		}
		for _, d := range svc.dests {
			full := d.FwdMethod == np.FullNAT
			if full && r.svc.Flags&np.FlagOnePacket != 0 || !full && r.synProxy {
				return errMethod
			}
		}
		return nil
	case &addLocalCommand, &deleteLocalCommand:
		return runLocalLine(&svc.locals, r.cmd == &addLocalCommand, r)
	}
	at := slices.IndexFunc(svc.dests, func(d np.Dest) bool { return d.DestKey == r.dest.DestKey })
	switch {
	case r.cmd == &addServerCommand && at >= 0:
		return errDouble
	case r.cmd != &addServerCommand && at < 0:
		return errMissing
	case r.cmd == &deleteServerCommand:
		svc.dests = slices.Delete(svc.dests, at, at+1)
		return nil
	case r.dest.FwdMethod == np.FullNAT && svc.Flags&np.FlagOnePacket != 0,
		r.dest.FwdMethod != np.FullNAT && svc.synProxy:
		return errMethod
	case r.cmd == &addServerCommand:
		svc.dests = append(svc.dests, r.dest)
	default:
		svc.dests[at] = r.dest
	}
	return nil
}

func runLocalLine(locals *[]netip.Addr, add bool, r *request) error {
	for _, a := range r.localAddrs() {
		at := slices.Index(*locals, a)
		switch {
		case add && at >= 0:
			return errDouble
		case add:
			*locals = append(*locals, a)
		case at < 0:
			return errMissing
		default:
			*locals = slices.Delete(*locals, at, at+1)
		}
	}
	return nil
}

func runZoneLine(t *tables, r *request) error {
	at := slices.IndexFunc(t.zones, func(z zoneTable) bool { return z.Prefix == r.zone })
	switch {
	case r.cmd == &addZoneCommand && at >= 0:
		return errDouble
	case r.cmd == &addZoneCommand:
		t.zones = append(t.zones, zoneTable{Zone: r.zoneWith()})
	case at < 0:
		return errMissing
	case r.cmd == &editZoneCommand:
		t.zones[at].Zone = r.zoneWith()
	case r.cmd == &deleteZoneCommand:
		t.zones = slices.Delete(t.zones, at, at+1)
	default:
		return runLocalLine(&t.zones[at].locals, r.cmd == &addZoneLocalCommand, r)
	}
	return nil
}

// fewTables makes the lines of a table out of so few services, real servers,
// addresses and zones that two tables have much in common.
func (m *lineMaker) fewTables() string {
	m.lines = nil
	for _, name := range []string{"-t 10.0.0.1:80", "-t 10.0.0.1:0", "-u 10.0.0.1:53", "-f 1", "-f 1 -6", "--sctp-service 10.0.0.1:80"} {
		if m.IntN(3) > 0 {
			m.fewServers(name)
		}
	}
	for _, name := range []string{"-t 0.0.0.0:0 -s rr", "-u 0.0.0.0:0 -s rr"} {
		if m.IntN(2) == 0 {
			m.add("-A", name)
		}
	}
	zones := []string{"10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "11.0.0.0/8"}
	m.Shuffle(len(zones), func(i, j int) { zones[i], zones[j] = zones[j], zones[i] })
	for _, z := range zones[m.IntN(len(zones)):] {
		m.add("-K --zone", z, m.pick("", "-s sh", "--limit 9"))
		m.fewLocals("-U --zone "+z, false)
	}
	return strings.Join(m.lines, "\n")
}

func (m *lineMaker) fewServers(name string) {
	v6 := strings.HasSuffix(name, "-6")
	options, methods := m.pick("-s rr", "-s wlc"), []string{"-m", "-b", "-g"}
	switch {
	case strings.HasPrefix(name, "--sctp"):
		methods = []string{"-m", "-g"}
	case !strings.HasPrefix(name, "-t") && m.IntN(2) == 0:
		options, methods = options+" -o", []string{"-m", "-g"}
	case !strings.HasPrefix(name, "-u") && m.IntN(2) == 0:
		options, methods = options+" -j enable", []string{"-b"}
	}
	if strings.HasSuffix(name, ":0") || m.IntN(3) == 0 {
		options += m.pick(" -p 9", " -p 10")
	}
	m.add("-A", name, options)
	for i := range 3 {
		if m.IntN(2) == 0 {
			m.add("-a", name, "-r", endpoint(v6, addr(v6, 8, i), 80), m.pick(methods...), m.pick("", "-w 7"))
		}
	}
	if !strings.HasPrefix(name, "--sctp") {
		m.fewLocals("-P "+name, v6)
	}
}

func (m *lineMaker) fewLocals(command string, v6 bool) {
	for i := range 3 {
		if m.IntN(2) == 0 {
			m.add(command, "-z", addr(v6, 9, i))
		}
	}
}

// Every line of a plan is taken, whatever there was and whatever is wanted, and
// the last one leaves what is wanted.
func TestPlan_canBeCarriedOut(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	m := lineMaker{Rand: rand.New(rand.NewPCG(seed, 0))}
	for range 500 {
		before, after := m.fewTables(), m.fewTables()
		have, want := tablesOf(t, before), tablesOf(t, after)
		for _, svc := range have.services {
			// Other programs set what the tool refuses.
			if svc.Protocol != np.TCP && m.IntN(4) == 0 {
				svc.Flags |= np.FlagOnePacket
			}
		}
		plan := makePlan(have, want)
		if err := runPlan(have, want, plan); err != nil {
			t.Fatalf("seed %d: %v\nfrom\n%s\nto\n%s\nby\n%s", seed, err, before, after, strings.Join(plan, "\n"))
		}
	}
}

func runPlan(have, want *tables, plan []string) error {
	deleted := ""
	for i, line := range plan {
		stays := i+1 < len(plan) && strings.HasPrefix(plan[i+1], strings.Replace(line, "-V", "-K", 1))
		switch {
		case strings.HasPrefix(line, "-D ") || strings.HasPrefix(line, "-V ") && !stays:
			deleted = line
		case deleted != "":
			return fmt.Errorf("%s comes before %s", deleted, line)
		}
		served := serving(have)
		if err := runPlanLine(have, line); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		now, then := serving(have), serving(want)
		for k := range served {
			if then[k] && !now[k] {
				return fmt.Errorf("%s leaves %v without real servers", line, k)
			}
		}
	}
	if left := makePlan(have, want); len(left) > 0 {
		return fmt.Errorf("what is left is %s", strings.Join(left, "\n"))
	}
	return nil
}

// serving returns the services that have real servers.
func serving(t *tables) map[np.ServiceKey]bool {
	found := make(map[np.ServiceKey]bool)
	for k, svc := range t.services {
		if len(svc.dests) > 0 {
			found[k] = true
		}
	}
	return found
}
