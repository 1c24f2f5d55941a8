// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net/netip"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/argv"
	"github.com/ipvs-fullnat/ipvs-fullnat/internal/render"
	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// defaultPersistence is the timeout of -p without a value, in seconds.
const defaultPersistence = 360

// request is what one command line asks for. Options write into it in the order
// of the line, which matters: -6 refers to the -f before it, -r takes the port
// of the service before it.
type request struct {
	cmd     *command
	program string // argv[0], for messages
	names   spec.Resolver
	given   optSet

	svc        np.Service
	schedFlags string
	dest       np.Dest
	daemon     np.Daemon
	timeouts   np.Timeouts

	numeric, noSort, json bool
	format                render.Format

	locals    []addrRange
	numLocals uint64
	zone      netip.Prefix
	zoneSet   np.ZoneSettings
	synProxy  bool
}

// addrRange is a range of local addresses.
type addrRange struct{ first, last netip.Addr }

func newRequest(cmd *command, program string, names spec.Resolver) *request {
	r := &request{cmd: cmd, program: program, names: names}
	r.dest.Weight = 1
	r.dest.FwdMethod = np.DirectRoute
	return r
}

// mark notes that an option was given; most may be given once.
func (r *request) mark(id optID) error {
	if r.given.has(id) {
		return failf("multiple '%s' options specified", optNames[id])
	}
	r.given = r.given.with(id)
	return nil
}

// apply takes the options of a line that follow the command.
func (r *request) apply(tokens []argv.Token) error {
	for _, k := range tokens {
		if err := r.applyToken(k); err != nil {
			return err
		}
	}
	return nil
}

func (r *request) applyToken(k argv.Token) error {
	o := &options[k.Index]
	if o.set == nil {
		return failf("invalid option `%s'", k.Word)
	}
	if o.id != optFree {
		if err := r.mark(o.id); err != nil {
			return err
		}
	}
	return o.set(r, k)
}

// finish takes what is left of the line when its options are through: an error
// at which the parser stopped, and words that belong to no option.
func (r *request) finish(words []string, syntax *argv.SyntaxError) error {
	if syntax != nil {
		return &lineError{syntax.Error()}
	}
	if r.cmd.words != nil {
		rest, err := r.cmd.words(r, words)
		if err != nil {
			return err
		}
		words = rest
	}
	if len(words) > 0 {
		return failf("unexpected argument %s", words[0])
	}
	if r.schedFlags != "" {
		bits, err := spec.ParseSchedFlags(r.svc.Scheduler, r.schedFlags)
		if err != nil {
			return failf("%v", err)
		}
		r.svc.Flags = r.svc.Flags&^np.ServiceFlags(spec.SchedFlags) | np.ServiceFlags(bits)
	}
	if err := checkOptions(r.cmd.rule, ^optSet(0), r.given, "'"+r.cmd.subject()+"' command"); err != nil {
		return err
	}
	if r.cmd.check != nil {
		return r.cmd.check(r)
	}
	return nil
}

// namer returns how the list shows names: not at all when it is numeric.
func (r *request) namer(n spec.Namer) spec.Namer {
	if r.numeric {
		return nil
	}
	return n
}

// localAddrs returns every local address of the line.
func (r *request) localAddrs() []netip.Addr {
	out := make([]netip.Addr, 0, r.numLocals)
	for _, z := range r.locals {
		for a := z.first; ; a = a.Next() {
			out = append(out, a)
			if a == z.last {
				break
			}
		}
	}
	return out
}
