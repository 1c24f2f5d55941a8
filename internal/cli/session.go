// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"strings"
	"syscall"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/procfs"
	"github.com/ipvs-fullnat/ipvs-fullnat/internal/render"
)

// fullnatModule is the kernel module behind the extended commands.
const fullnatModule = "ip_vs_fullnat"

// session is one run of the program: the connection to the kernel, opened when
// it is first needed, and what has been learned over it.
type session struct {
	env     *Env
	ctx     context.Context
	program string

	client *np.Client
	info   np.Info
	// fullnat says whether our family is there; nil is not known yet.
	fullnat *bool
	// capabilities are our family's, once it is known to be there.
	capabilities np.Capabilities
	// synProxied are the services with SYN proxying; nil is not known yet.
	synProxied map[np.ServiceKey]bool
	// onePacket are services that are known to exist, and whether they have
	// one-packet scheduling.
	onePacket map[np.ServiceKey]bool

	// restore is set while lines are read from standard input.
	restore *restore
}

// printer is what lists are printed with.
type printer interface {
	Version(np.Info)
	Title()
	Service(render.Service)
	Dest(np.Dest)
	ZoneTitle()
	ZoneLocalAddrs(np.Zone, []np.LocalAddr)
	LocalAddrTitle()
	ServiceLocalAddrs(np.ServiceKey, []np.LocalAddr)
	Timeouts(np.Timeouts)
	DaemonTitle()
	Daemon(np.Daemon)
	ConnTitle()
	Conn(*procfs.Conn)
	Flush() error
}

func (s *session) printer(r *request) printer {
	if r.json {
		return render.NewJSON(s.env.Stdout)
	}
	return s.textPrinter(r)
}

func (s *session) textPrinter(r *request) *render.Printer {
	return render.New(s.env.Stdout, r.format, r.namer(s.env.Names))
}

// kernel returns the connection to the kernel. Like ipvsadm it loads ip_vs if
// that is missing, and asks for the version at once, which shows missing
// rights.
func (s *session) kernel() (*np.Client, error) {
	if s.client != nil {
		return s.client, nil
	}
	err := s.dial()
	if err != nil && s.env.Modprobe("ip_vs") == nil {
		err = s.dial()
	}
	if err != nil {
		return nil, failf("Can't initialize ipvs: %s\n"+
			"Are you sure that IP Virtual Server is built in the kernel or as module?",
			initText(err))
	}
	return s.client, nil
}

func (s *session) dial() error {
	c, err := s.env.Dial(s.ctx)
	if err != nil {
		return err
	}
	if s.info, err = c.Info(s.ctx); err != nil {
		return errors.Join(err, c.Close())
	}
	s.client = c
	return nil
}

// initText says why there is no IPVS. ipvsadm then tries the socket options of
// old kernels, and what it prints is why those fail.
func initText(err error) string {
	if !errors.Is(err, np.ErrNoFamily) {
		return explain(opOther, err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_RAW)
	if err != nil {
		return explain(opOther, err)
	}
	syscall.Close(fd)
	return explain(opOther, syscall.ENOPROTOOPT)
}

// settled returns the connection when all lines of a restore so far have been
// carried out.
func (s *session) settled() (*np.Client, error) {
	c, err := s.kernel()
	if err == nil && s.restore != nil {
		s.restore.flush(c)
	}
	return c, err
}

// hasFullNAT reports whether our family is there.
func (s *session) hasFullNAT() (bool, error) {
	if s.fullnat != nil {
		return *s.fullnat, nil
	}
	c, err := s.kernel()
	if err != nil {
		return false, err
	}
	has := false
	// To ask for a family that is not there makes the kernel run modprobe,
	// which would cost every stock command more than all else it does.
	if s.env.Loaded(fullnatModule) {
		info, err := c.FullNATInfo(s.ctx)
		if err != nil && !errors.Is(err, np.ErrNoFamily) {
			return false, refused(opOther, err)
		}
		has = err == nil
		s.capabilities = info.Capabilities
	}
	s.fullnat = &has
	return has, nil
}

// loadFullNAT is hasFullNAT with an attempt to load the module.
func (s *session) loadFullNAT() (bool, error) {
	has, err := s.hasFullNAT()
	if err != nil || has {
		return has, err
	}
	if s.env.Modprobe(fullnatModule) != nil {
		return false, nil
	}
	s.fullnat = nil
	return s.hasFullNAT()
}

// needFullNAT fails with a way out when our module cannot be had; what names
// the thing that needs it.
func (s *session) needFullNAT(what string) error {
	has, err := s.loadFullNAT()
	if err == nil && !has {
		err = failf("%s needs the kernel module %s, which cannot be loaded: "+
			"install it for this kernel (dkms status shows it), then modprobe %s",
			what, fullnatModule, fullnatModule)
	}
	return err
}

// loadSynProxied learns which services have SYN proxying.
func (s *session) loadSynProxied() error {
	if s.synProxied != nil {
		return nil
	}
	has, err := s.hasFullNAT()
	if err != nil {
		return err
	}
	found := make(map[np.ServiceKey]bool)
	if has && s.capabilities.Has(np.CapSynProxy) {
		c, err := s.settled()
		if err != nil {
			return err
		}
		for e, err := range c.ServiceExts(s.ctx) {
			if err != nil {
				return err
			}
			found[e.ServiceKey] = e.SynProxy
		}
	}
	s.synProxied = found
	return nil
}

func (s *session) isSynProxied(k np.ServiceKey) (bool, error) {
	err := s.loadSynProxied()
	return s.synProxied[k], err
}

func (s *session) isOnePacket(k np.ServiceKey) (bool, error) {
	if is, known := s.onePacket[k]; known {
		return is, nil
	}
	c, err := s.settled()
	if err != nil {
		return false, err
	}
	svc, err := c.Service(s.ctx, k)
	if err != nil {
		return false, err
	}
	if s.onePacket == nil {
		s.onePacket = make(map[np.ServiceKey]bool)
	}
	s.onePacket[k] = svc.Flags&np.FlagOnePacket != 0
	return s.onePacket[k], nil
}

// submit carries the steps of a line out, or leaves them to the restore that
// the line is part of.
func (s *session) submit(steps []step) error {
	c, err := s.kernel()
	if err != nil {
		return err
	}
	chained := false
	for i := range steps {
		chained = chained || steps[i].chained
	}
	switch {
	case chained:
		if s.restore != nil {
			s.restore.flush(c)
		}
		return s.inOrder(c, steps)
	case s.restore != nil:
		s.restore.queue(c, steps)
		return nil
	}
	return failures(steps, s.atOnce(c, steps))
}

// inOrder carries steps out one by one, each only if the one before succeeded.
func (s *session) inOrder(c *np.Client, steps []step) error {
	for _, st := range steps {
		err := c.Do(s.ctx, st.req)
		if st.mayMiss && errors.Is(err, np.ErrNotExist) {
			err = nil
		}
		if err != nil {
			if st.undo != nil {
				err = errors.Join(err, c.Do(s.ctx, *st.undo))
			}
			return refused(st.op, err)
		}
		if st.done != nil {
			st.done()
		}
	}
	return nil
}

// atOnce sends steps that do not depend on one another.
func (s *session) atOnce(c *np.Client, steps []step) []error {
	if len(steps) == 1 {
		return []error{c.Do(s.ctx, steps[0].req)}
	}
	reqs := make([]np.Request, len(steps))
	for i := range steps {
		reqs[i] = steps[i].req
	}
	return c.Batch(s.ctx, reqs)
}

// failures puts the messages of the steps that failed into one error.
func failures(steps []step, errs []error) error {
	var lines []string
	for i, err := range errs {
		if err != nil {
			lines = append(lines, steps[i].label+explain(steps[i].op, err))
		}
	}
	if lines == nil {
		return nil
	}
	return &lineError{strings.Join(lines, "\n")}
}
