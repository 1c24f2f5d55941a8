// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"net/netip"
	"os"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/procfs"
	"github.com/ipvs-fullnat/ipvs-fullnat/internal/render"
)

var listCommand = command{
	name: "list", short: 'L', aliases: []alias{{"list", 'l'}}, rule: listRule,
	check: checkList, run: list,
}

var saveCommand = command{
	name: "save", short: 'S', rule: rule{optional: setOf(optNumeric)}, run: save,
}

// checkList refuses forms of the list that rule each other out.
func checkList(r *request) error {
	other := setOf(optTimeout, optDaemon)
	numbers := setOf(optStats, optRate, optThresholds)
	if r.given.hasAny(other.with(optConnection)) && r.given.hasAny(numbers) ||
		r.given.hasAny(other) && r.given.has(optPersistentConn) {
		return failf("options conflicts in the list command")
	}
	if r.given.has(optLocal) && !r.given.has(optConnection) {
		return failf("You need to supply the '%s' option for the '%s' option",
			optNames[optConnection], optNames[optLocal])
	}
	return nil
}

func list(s *session, r *request) error {
	switch {
	case r.given.has(optConnection):
		return listConns(s, r)
	case r.given.has(optService):
		return listService(s, r)
	case r.given.has(optTimeout):
		return listTimeouts(s, r)
	case r.given.has(optDaemon):
		return listDaemons(s, r)
	}
	return listAll(s, r)
}

func listAll(s *session, r *request) error {
	c, err := s.settled()
	if err != nil {
		return err
	}
	p := s.printer(r)
	p.Version(s.info)
	if err := s.printAll(c, p, r); err != nil {
		p.Flush() // the error that led here counts for more
		return err
	}
	return p.Flush()
}

// printAll prints title, services and real servers.
func (s *session) printAll(c *np.Client, p printer, r *request) error {
	services, err := s.services(c, r.noSort)
	if err != nil {
		return err
	}
	if err := s.loadSynProxied(); err != nil {
		return listFailed(opList, err)
	}
	p.Title()
	for _, svc := range services {
		if err := s.printService(c, p, svc, r.noSort); err != nil {
			return err
		}
	}
	return nil
}

func listService(s *session, r *request) error {
	c, err := s.settled()
	if err != nil {
		return err
	}
	svc, err := c.Service(s.ctx, r.svc.ServiceKey)
	if err != nil {
		return listFailed(opList, err)
	}
	if err := s.loadSynProxied(); err != nil {
		return listFailed(opList, err)
	}
	p := s.printer(r)
	p.Title()
	if err := s.printService(c, p, svc, r.noSort); err != nil {
		p.Flush() // the error that led here counts for more
		return err
	}
	return p.Flush()
}

// services returns all services in the order in which they are printed.
func (s *session) services(c *np.Client, noSort bool) ([]np.Service, error) {
	services, err := c.ListServices(s.ctx)
	if err != nil {
		return nil, listFailed(opList, err)
	}
	if !noSort {
		render.SortServices(services)
	}
	return services, nil
}

// printService prints a service and its real servers.
func (s *session) printService(c *np.Client, p printer, svc np.Service, noSort bool) error {
	dests, err := c.ListDests(s.ctx, svc.ServiceKey)
	if err != nil {
		return listFailed(opList, err)
	}
	if !noSort {
		render.SortDests(dests)
	}
	p.Service(render.Service{Service: svc, SynProxy: s.synProxied[svc.ServiceKey]})
	for _, d := range dests {
		p.Dest(d)
	}
	return nil
}

// save prints the commands that restore the tables, in an order in which each
// finds what it needs.
func save(s *session, r *request) error {
	c, err := s.settled()
	if err != nil {
		return err
	}
	r.format.Rule = true
	p := s.textPrinter(r)
	if err := s.printAll(c, p, r); err != nil {
		p.Flush() // the error that led here counts for more
		return err
	}
	has, err := s.hasFullNAT()
	if err != nil {
		return err
	}
	if has {
		if err := s.saveLocals(c, p, r); err != nil {
			p.Flush() // the error that led here counts for more
			return err
		}
	}
	return p.Flush()
}

// saveLocals prints the commands for what our own family holds.
func (s *session) saveLocals(c *np.Client, p *render.Printer, r *request) error {
	services, err := s.localServices(c, r)
	if err != nil {
		return err
	}
	for _, l := range services {
		for _, a := range l.addrs {
			p.LocalAddrRule(l.key, a.Addr)
		}
	}
	zones, err := s.zones(c, r.zone)
	if err != nil {
		return err
	}
	for _, z := range zones {
		p.ZoneRule(z.Zone)
		for _, a := range z.addrs {
			p.ZoneLocalAddrRule(z.Prefix, a.Addr)
		}
	}
	return nil
}

func listConns(s *session, r *request) error {
	c, err := s.settled()
	if err != nil {
		return err
	}
	locals := map[connKey]netip.AddrPort{}
	if r.given.has(optLocal) {
		if locals, err = s.connLocals(c); err != nil {
			return err
		}
	}
	f, err := os.Open(procfs.ConnFile)
	if err != nil {
		return &exitError{exitList, "cannot open file " + procfs.ConnFile}
	}
	defer f.Close()
	return printConns(f, locals, s.printer(r))
}

// connKey is what the kernel's two lists of connections have in common.
type connKey struct {
	proto                 uint16
	client, virtual, dest netip.AddrPort
}

// connLocals asks our module for the local address of each connection.
func (s *session) connLocals(c *np.Client) (map[connKey]netip.AddrPort, error) {
	if err := s.needFullNAT("the list of local addresses"); err != nil {
		return nil, err
	}
	locals := make(map[connKey]netip.AddrPort)
	for conn, err := range c.Conns(s.ctx) {
		if err != nil {
			return nil, listFailed(opListLocal, err)
		}
		locals[connKey{uint16(conn.Protocol), conn.Client, conn.Virtual, conn.Real}] = conn.Local
	}
	return locals, nil
}

func printConns(f io.Reader, locals map[connKey]netip.AddrPort, p printer) error {
	title := false
	for c, err := range procfs.Conns(f) {
		if err != nil {
			p.Flush() // the error that led here counts for more
			return &exitError{exitList, "unexpected input from " + procfs.ConnFile + ": " + err.Error()}
		}
		if !title {
			p.ConnTitle()
			title = true
		}
		if len(locals) > 0 {
			l := locals[connKey{c.ProtocolNumber(), c.Client.AddrPort(), c.Virtual.AddrPort(), c.Dest.AddrPort()}]
			c.Local = procfs.AddrPort{Addr: l.Addr(), Port: l.Port()}
		}
		p.Conn(c)
	}
	if !title {
		p.ConnTitle()
	}
	return p.Flush()
}
