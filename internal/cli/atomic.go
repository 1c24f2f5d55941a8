// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

// tables are all tables, as lines describe them or as the kernel has them.
type tables struct {
	order    []np.ServiceKey
	services map[np.ServiceKey]*serviceTable
	zones    []zoneTable
	// dests and zoneAt find what lines name twice, size counts what they add.
	dests  map[destOf]struct{}
	zoneAt map[netip.Prefix]int
	size   int
}

// destOf is a real server of a service.
type destOf struct {
	service np.ServiceKey
	dest    np.DestKey
}

// maxTables is how much lines can add to tables: they are kept in memory, at less
// than a kilobyte for each object, before anything is changed.
const maxTables = 1 << 20

func newTables() *tables {
	return &tables{
		services: make(map[np.ServiceKey]*serviceTable),
		dests:    make(map[destOf]struct{}),
		zoneAt:   make(map[netip.Prefix]int),
	}
}

// grow notes that a line adds n objects.
func (t *tables) grow(n int) error {
	t.size += n
	if t.size > maxTables {
		return fmt.Errorf("more than %d services, real servers, local addresses and zones", maxTables)
	}
	return nil
}

// serviceTable is a service with everything that belongs to it.
type serviceTable struct {
	np.Service
	synProxy bool
	dests    []np.Dest
	locals   []netip.Addr
}

// zoneTable is a zone with its local addresses.
type zoneTable struct {
	np.Zone
	locals []netip.Addr
}

// atomic brings the kernel's tables to what the lines say. Nothing is changed
// unless all lines make sense, and then only what differs: connections of what
// stays are not touched.
func (rs *restore) atomic(dryRun bool) error {
	want := newTables()
	err := rs.read(func(args []string) error {
		if strings.HasPrefix(args[0], "#") {
			return nil
		}
		if err := want.line(rs.s, args); err != nil {
			return failf("line %d: %v", rs.line, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if want.usesFullNAT() {
		if err := rs.s.needFullNAT("the table"); err != nil {
			return err
		}
	}
	have, err := rs.s.readTables()
	if err != nil {
		return err
	}
	plan := makePlan(have, want)
	if dryRun {
		for _, line := range plan {
			if _, err := fmt.Fprintln(rs.s.env.Stdout, line); err != nil {
				return err
			}
		}
		return nil
	}
	return rs.carryOut(plan)
}

// carryOut runs the lines of a plan. Behind a line that the kernel refused
// nothing is deleted: what was to come in its place may not be there. A refusal
// ends in status 255, whichever line it was.
func (rs *restore) carryOut(plan []string) error {
	rs.inPlan = plan
	leftOut := 0
	unmoved := make(map[string]bool)
	for i, line := range plan {
		words := strings.Fields(line)
		if rs.leaveOut(words, unmoved) {
			leftOut++
			continue
		}
		rs.line = i + 1
		if err := rs.one(words); err != nil {
			return rs.finish(err)
		}
	}
	err := rs.finish(nil)
	if leftOut > 0 {
		fmt.Fprintf(rs.s.env.Stderr, "lines left out that delete, behind one that was refused: %d; mend that and run it again\n", leftOut)
	}
	if err == nil && rs.failed != 0 {
		err = &exitError{status: exitRefused}
	}
	return err
}

// leaveOut reports whether a line of a plan has to be left out because of a
// refusal. A zone is moved by lines that delete it and add it again; unmoved are
// those of which the first was left out.
func (rs *restore) leaveOut(words []string, unmoved map[string]bool) bool {
	switch words[0] {
	case "-D", "-d", "-Q", "-V", "-W":
		rs.flushIfOpen()
		if rs.failed == 0 {
			return false
		}
		if words[0] == "-V" {
			unmoved[words[2]] = true
		}
		return true
	case "-K", "-U":
		return unmoved[words[2]]
	}
	return false
}

// line takes a line into the tables.
func (t *tables) line(s *session, args []string) error {
	l, r, err := s.split(args)
	if err != nil {
		return errors.New("no command")
	}
	if err := r.apply(l.Tokens[1:]); err != nil {
		return err
	}
	if err := r.finish(l.Words, l.Err); err != nil {
		return err
	}
	switch r.cmd {
	case &addServiceCommand:
		return t.addService(r)
	case &addServerCommand:
		return t.addDest(r)
	case &addLocalCommand, &addZoneLocalCommand:
		return t.addLocals(r)
	case &addZoneCommand:
		return t.addZone(r.zoneWith())
	}
	return fmt.Errorf("--atomic takes -A, -a, -P, -K and -U alone, not '%s'", r.cmd.name)
}

func (t *tables) addService(r *request) error {
	if t.services[r.svc.ServiceKey] != nil {
		return fmt.Errorf("service %v stands there twice", r.svc.ServiceKey)
	}
	t.order = append(t.order, r.svc.ServiceKey)
	t.services[r.svc.ServiceKey] = &serviceTable{Service: r.svc, synProxy: r.synProxy}
	return t.grow(1)
}

// serviceOf returns the service that a line belongs to, which stands before it.
func (t *tables) serviceOf(r *request) (*serviceTable, error) {
	svc := t.services[r.svc.ServiceKey]
	if svc == nil {
		return nil, fmt.Errorf("service %v is not added by a line before", r.svc.ServiceKey)
	}
	return svc, nil
}

func (t *tables) addDest(r *request) error {
	svc, err := t.serviceOf(r)
	if err != nil {
		return err
	}
	key := destOf{svc.ServiceKey, r.dest.DestKey}
	if _, dup := t.dests[key]; dup {
		return fmt.Errorf("real server %v of %v stands there twice", key.dest, key.service)
	}
	switch full := r.dest.FwdMethod == np.FullNAT; {
	case full && svc.Flags&np.FlagOnePacket != 0:
		return errors.New(errOnePacketMethod)
	case !full && svc.synProxy:
		return errors.New(errSynProxyMethod)
	}
	t.dests[key] = struct{}{}
	svc.dests = append(svc.dests, r.dest)
	return t.grow(1)
}

func (t *tables) addZone(z np.Zone) error {
	if _, dup := t.zoneAt[z.Prefix]; dup {
		return fmt.Errorf("zone %v stands there twice", z.Prefix)
	}
	t.zoneAt[z.Prefix] = len(t.zones)
	t.zones = append(t.zones, zoneTable{Zone: z})
	return t.grow(1)
}

func (t *tables) addLocals(r *request) error {
	if err := t.grow(int(r.numLocals)); err != nil {
		return err
	}
	if !r.given.has(optZone) {
		svc, err := t.serviceOf(r)
		if err == nil {
			svc.locals = append(svc.locals, r.localAddrs()...)
		}
		return err
	}
	i, ok := t.zoneAt[r.zone]
	if !ok {
		return fmt.Errorf("zone %v is not added by a line before", r.zone)
	}
	t.zones[i].locals = append(t.zones[i].locals, r.localAddrs()...)
	return nil
}

// usesFullNAT reports whether the tables need our module.
func (t *tables) usesFullNAT() bool {
	if len(t.zones) > 0 {
		return true
	}
	for _, svc := range t.services {
		if svc.synProxy || len(svc.locals) > 0 || needsSNAT(&svc.Service) {
			return true
		}
		for _, d := range svc.dests {
			if d.FwdMethod == np.FullNAT {
				return true
			}
		}
	}
	return false
}

// readTables asks the kernel for its tables.
func (s *session) readTables() (*tables, error) {
	c, err := s.settled()
	if err != nil {
		return nil, err
	}
	services, err := s.services(c, false)
	if err != nil {
		return nil, err
	}
	if err := s.loadSynProxied(); err != nil {
		return nil, listFailed(opList, err)
	}
	t := newTables()
	for _, svc := range services {
		dests, err := c.ListDests(s.ctx, svc.ServiceKey)
		if err != nil {
			return nil, listFailed(opList, err)
		}
		t.order = append(t.order, svc.ServiceKey)
		t.services[svc.ServiceKey] = &serviceTable{Service: svc, dests: dests,
			synProxy: s.synProxied[svc.ServiceKey]}
	}
	has, err := s.hasFullNAT()
	if err != nil || !has {
		return t, err
	}
	return t, s.readLocals(c, t)
}

// readLocals adds what our own family holds.
func (s *session) readLocals(c *np.Client, t *tables) error {
	locals, err := s.localsByService(c)
	if err != nil {
		return err
	}
	for k, addrs := range locals {
		if svc := t.services[k]; svc != nil {
			svc.locals = addrsOf(addrs)
		}
	}
	zones, err := s.zones(c, netip.Prefix{})
	for _, z := range zones {
		t.zones = append(t.zones, zoneTable{z.Zone, addrsOf(z.addrs)})
	}
	return err
}

func addrsOf(locals []np.LocalAddr) []netip.Addr {
	out := make([]netip.Addr, len(locals))
	for i, l := range locals {
		out[i] = l.Addr
	}
	return out
}
