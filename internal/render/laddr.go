// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strconv"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// Widths of the first column in the lists of local addresses.
const (
	laddrServiceWidth = 20
	laddrZoneWidth    = 30
)

// LocalAddrTitle prints the heads above services and their local addresses.
func (p *Printer) LocalAddrTitle() { p.laddrTitle(laddrServiceWidth, "VIP:VPORT") }

// ZoneTitle prints the heads above zones and their local addresses.
func (p *Printer) ZoneTitle() { p.laddrTitle(laddrZoneWidth, "NET/MASK") }

func (p *Printer) laddrTitle(width int, first string) {
	p.left(first, width)
	for i, head := range [...]string{"TOTAL", "SNAT_IP", "CONFLICTS", "CONNS"} {
		p.str(" ")
		p.left(head, laddrWidths[i])
	}
	p.end()
}

var laddrWidths = [...]int{8, 20, 10, 10}

// ServiceLocalAddrs prints a service and its local addresses, always numeric.
func (p *Printer) ServiceLocalAddrs(k np.ServiceKey, addrs []np.LocalAddr) {
	name := []byte(nil)
	if k.FWMark != 0 {
		p.svc = k
		name = p.serviceName(nil)
	} else {
		name = spec.AppendEndpoint(nil, k.Addr, k.Port, uint16(k.Protocol), nil)
	}
	p.laddrs(laddrServiceWidth, string(name), addrs)
}

// ZoneLocalAddrs prints a zone and its local addresses.
func (p *Printer) ZoneLocalAddrs(z np.Zone, addrs []np.LocalAddr) {
	p.laddrs(laddrZoneWidth, spec.FormatZone(z.Prefix), addrs)
}

func (p *Printer) laddrs(width int, name string, addrs []np.LocalAddr) {
	p.left(name, width)
	p.str(" ")
	p.leftUint(uint64(len(addrs)), laddrWidths[0])
	p.str(" ")
	p.end()
	for _, a := range addrs {
		p.left("", width)
		for i, s := range [...]string{
			"", string(spec.AppendAddr(nil, a.Addr)),
			strconv.FormatUint(a.PortConflicts, 10), strconv.FormatUint(uint64(a.Conns), 10),
		} {
			p.str(" ")
			p.left(s, laddrWidths[i])
		}
		p.end()
	}
}
