// SPDX-License-Identifier: Apache-2.0

package render

import (
	"net/netip"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// Lines makes single command lines, in numbers, for a plan of changes.
type Lines struct{ p Printer }

// take returns the line that has been put together.
func (l *Lines) take() string {
	s := string(l.p.line)
	l.p.line = l.p.line[:0]
	return s
}

// Service returns the line that adds (cmd "-A") or edits ("-E") a service.
func (l *Lines) Service(cmd string, s Service) string {
	l.p.str(cmd)
	l.p.str(" ")
	l.p.serviceOption(s.ServiceKey)
	l.p.serviceSettings(s)
	return l.take()
}

// DeleteService returns the line that deletes a service.
func (l *Lines) DeleteService(k np.ServiceKey) string {
	l.p.str("-D ")
	l.p.serviceOption(k)
	return l.take()
}

// Dest returns the line that adds (cmd "-a") or edits ("-e") a real server.
func (l *Lines) Dest(cmd string, k np.ServiceKey, d np.Dest) string {
	l.dest(cmd, k, d)
	l.p.destSettings(d)
	return l.take()
}

// DeleteDest returns the line that removes a real server.
func (l *Lines) DeleteDest(k np.ServiceKey, d np.Dest) string {
	l.dest("-d", k, d)
	return l.take()
}

func (l *Lines) dest(cmd string, k np.ServiceKey, d np.Dest) {
	l.p.str(cmd)
	l.p.str(" ")
	l.p.serviceOption(k)
	l.p.str(" -r ")
	l.p.destName(d)
}

// LocalAddr returns the line that adds (cmd "-P") or removes ("-Q") a local
// address of a service.
func (l *Lines) LocalAddr(cmd string, k np.ServiceKey, a netip.Addr) string {
	l.p.str(cmd)
	l.p.str(" ")
	l.p.serviceOption(k)
	l.p.str(" -z ")
	l.p.line = spec.AppendAddr(l.p.line, a)
	return l.take()
}

// Zone returns the line that adds (cmd "-K") or deletes ("-V") a zone.
func (l *Lines) Zone(cmd string, z netip.Prefix) string {
	l.p.str(cmd)
	l.p.str(" --zone ")
	l.p.str(z.String())
	return l.take()
}

// ZoneWith returns the line that adds (cmd "-K") or changes ("--edit-zone") a zone
// with its settings.
func (l *Lines) ZoneWith(cmd string, z np.Zone) string {
	l.p.str(l.Zone(cmd, z.Prefix))
	if z.Select != np.SelectRR {
		l.p.str(" -s ")
		l.p.str(z.Select.String())
	}
	if z.Limit != 0 {
		l.p.str(" --limit ")
		l.p.uint(uint64(z.Limit))
	}
	return l.take()
}

// ZoneLocalAddr returns the line that adds (cmd "-U") or removes ("-W") a local
// address of a zone.
func (l *Lines) ZoneLocalAddr(cmd string, z netip.Prefix, a netip.Addr) string {
	l.p.str(l.Zone(cmd, z))
	l.p.str(" -z ")
	l.p.line = spec.AppendAddr(l.p.line, a)
	return l.take()
}
