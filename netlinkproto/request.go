// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"fmt"
	"net/netip"
)

// Request is one change, ready to be sent with [Client.Do] or [Client.Batch].
// It is made by the functions whose names end in Request, is immutable, and can
// be sent more than once. A Request that could not be built, because an
// argument does not fit the protocol, carries the error and gives it to whoever
// sends it.
type Request struct {
	family *family
	cmd    uint8
	attrs  []byte
	name   namer
	err    error
}

// family is a generic netlink family that this package speaks.
type family struct {
	name    string
	version uint8
}

var (
	stockFamily   = &family{ipvsGenlName, ipvsGenlVersion}
	fullnatFamily = &family{ipvsFnatGenlName, ipvsFnatGenlVersion}
)

// namer says what a request does, for error messages only: the text is put
// together when it is needed, which for most requests is never.
type namer struct {
	verb string
	obj  fmt.Stringer
	of   fmt.Stringer
}

func (n namer) String() string {
	switch {
	case n.obj == nil:
		return n.verb
	case n.of == nil:
		return fmt.Sprintf("%s %v", n.verb, n.obj)
	}
	return fmt.Sprintf("%s %v of %v", n.verb, n.obj, n.of)
}

// String returns what the request does, such as "add service tcp 192.0.2.1:80".
func (r Request) String() string { return r.name.String() }

// Err returns the error with which the request was built.
func (r Request) Err() error { return r.err }

// build makes a request whose attributes are what fill appends.
func build(f *family, cmd uint8, name namer, fill func(*encoder)) Request {
	e := encoder{b: make([]byte, 0, 192)}
	if fill != nil {
		fill(&e)
	}
	r := Request{family: f, cmd: cmd, attrs: e.b, name: name}
	if e.err != nil {
		r.attrs = nil
		r.err = fmt.Errorf("%v: %w: %w", name, ErrInvalid, e.err)
	}
	return r
}

// AddServiceRequest is the request of [Client.AddService].
func AddServiceRequest(s Service) Request {
	return build(stockFamily, ipvsCmdNewService, namer{verb: "add service", obj: s.ServiceKey}, s.encode)
}

// EditServiceRequest is the request of [Client.EditService].
func EditServiceRequest(s Service) Request {
	return build(stockFamily, ipvsCmdSetService, namer{verb: "edit service", obj: s.ServiceKey}, s.encode)
}

// DeleteServiceRequest is the request of [Client.DeleteService].
func DeleteServiceRequest(k ServiceKey) Request {
	return build(stockFamily, ipvsCmdDelService, namer{verb: "delete service", obj: k}, k.encode)
}

// ZeroServiceRequest is the request of [Client.ZeroService].
func ZeroServiceRequest(k ServiceKey) Request {
	return build(stockFamily, ipvsCmdZero, namer{verb: "zero service", obj: k}, k.encode)
}

func getServiceRequest(k ServiceKey) Request {
	return build(stockFamily, ipvsCmdGetService, namer{verb: "get service", obj: k}, k.encode)
}

func dumpServicesRequest() Request {
	return build(stockFamily, ipvsCmdGetService, namer{verb: "list services"}, nil)
}

// AddDestRequest is the request of [Client.AddDest].
func AddDestRequest(k ServiceKey, d Dest) Request {
	return build(stockFamily, ipvsCmdNewDest, namer{"add server", d.DestKey, k}, func(e *encoder) {
		k.encode(e)
		d.encode(e)
	})
}

// EditDestRequest is the request of [Client.EditDest].
func EditDestRequest(k ServiceKey, d Dest) Request {
	return build(stockFamily, ipvsCmdSetDest, namer{"edit server", d.DestKey, k}, func(e *encoder) {
		k.encode(e)
		d.encode(e)
	})
}

// DeleteDestRequest is the request of [Client.DeleteDest].
func DeleteDestRequest(k ServiceKey, d DestKey) Request {
	return build(stockFamily, ipvsCmdDelDest, namer{"delete server", d, k}, func(e *encoder) {
		k.encode(e)
		e.nest(ipvsCmdAttrDest, d.encode)
	})
}

func dumpDestsRequest(k ServiceKey) Request {
	return build(stockFamily, ipvsCmdGetDest, namer{verb: "list servers of", obj: k}, k.encode)
}

// FlushRequest is the request of [Client.Flush].
func FlushRequest() Request {
	return build(stockFamily, ipvsCmdFlush, namer{verb: "flush services"}, nil)
}

// ZeroRequest is the request of [Client.Zero].
func ZeroRequest() Request {
	return build(stockFamily, ipvsCmdZero, namer{verb: "zero all services"}, nil)
}

// SetTimeoutsRequest is the request of [Client.SetTimeouts].
func SetTimeoutsRequest(t Timeouts) Request {
	return build(stockFamily, ipvsCmdSetConfig, namer{verb: "set timeouts"}, t.encode)
}

func getTimeoutsRequest() Request {
	return build(stockFamily, ipvsCmdGetConfig, namer{verb: "get timeouts"}, nil)
}

func getInfoRequest() Request {
	return build(stockFamily, ipvsCmdGetInfo, namer{verb: "get IPVS information"}, nil)
}

// StartDaemonRequest is the request of [Client.StartDaemon].
func StartDaemonRequest(d Daemon) Request {
	return build(stockFamily, ipvsCmdNewDaemon, namer{verb: "start sync daemon", obj: d.State}, d.encode)
}

// StopDaemonRequest is the request of [Client.StopDaemon].
func StopDaemonRequest(s DaemonState) Request {
	return build(stockFamily, ipvsCmdDelDaemon, namer{verb: "stop sync daemon", obj: s}, func(e *encoder) {
		e.nest(ipvsCmdAttrDaemon, func(e *encoder) { e.u32(ipvsDaemonAttrState, uint32(s)) })
	})
}

func dumpDaemonsRequest() Request {
	return build(stockFamily, ipvsCmdGetDaemon, namer{verb: "list sync daemons"}, nil)
}

// AddLocalAddrRequest is the request of [Client.AddLocalAddr].
func AddLocalAddrRequest(k ServiceKey, a netip.Addr) Request {
	return build(fullnatFamily, ipvsFnatCmdNewLaddr, namer{"add local address", a, k}, func(e *encoder) {
		k.encode(e)
		encodeLocalAddr(e, a, k.family())
	})
}

// DeleteLocalAddrRequest is the request of [Client.DeleteLocalAddr].
func DeleteLocalAddrRequest(k ServiceKey, a netip.Addr) Request {
	return build(fullnatFamily, ipvsFnatCmdDelLaddr, namer{"delete local address", a, k}, func(e *encoder) {
		k.encode(e)
		encodeLocalAddr(e, a, k.family())
	})
}

// dumpLocalAddrsRequest asks for one service, or for all when k is zero.
func dumpLocalAddrsRequest(k ServiceKey) Request {
	if k == (ServiceKey{}) {
		return build(fullnatFamily, ipvsFnatCmdGetLaddr, namer{verb: "list local addresses"}, nil)
	}
	return build(fullnatFamily, ipvsFnatCmdGetLaddr, namer{verb: "list local addresses of", obj: k}, k.encode)
}

// AddZoneRequest is the request of [Client.AddZone].
func AddZoneRequest(z netip.Prefix) Request {
	return build(fullnatFamily, ipvsFnatCmdNewZone, namer{verb: "add zone", obj: z}, zone{z}.encode)
}

// AddZoneWithRequest is the request of [Client.AddZoneWith].
func AddZoneWithRequest(z Zone) Request {
	return build(fullnatFamily, ipvsFnatCmdNewZone, namer{verb: "add zone", obj: z.Prefix}, z.encode)
}

// EditZoneRequest is the request of [Client.EditZone].
func EditZoneRequest(z Zone) Request {
	return build(fullnatFamily, ipvsFnatCmdSetZone, namer{verb: "edit zone", obj: z.Prefix}, z.encode)
}

// DeleteZoneRequest is the request of [Client.DeleteZone].
func DeleteZoneRequest(z netip.Prefix) Request {
	return build(fullnatFamily, ipvsFnatCmdDelZone, namer{verb: "delete zone", obj: z}, zone{z}.encode)
}

func dumpZonesRequest() Request {
	return build(fullnatFamily, ipvsFnatCmdGetZone, namer{verb: "list zones"}, nil)
}

// AddZoneLocalAddrRequest is the request of [Client.AddZoneLocalAddr].
func AddZoneLocalAddrRequest(z netip.Prefix, a netip.Addr) Request {
	return build(fullnatFamily, ipvsFnatCmdNewLaddrZone, namer{"add local address", a, zone{z}}, func(e *encoder) {
		zone{z}.encode(e)
		encodeLocalAddr(e, a, FamilyOf(z.Addr()))
	})
}

// DeleteZoneLocalAddrRequest is the request of [Client.DeleteZoneLocalAddr].
func DeleteZoneLocalAddrRequest(z netip.Prefix, a netip.Addr) Request {
	return build(fullnatFamily, ipvsFnatCmdDelLaddrZone, namer{"delete local address", a, zone{z}}, func(e *encoder) {
		zone{z}.encode(e)
		encodeLocalAddr(e, a, FamilyOf(z.Addr()))
	})
}

// dumpZoneLocalAddrsRequest asks for one zone, or for all when z is not valid.
func dumpZoneLocalAddrsRequest(z netip.Prefix) Request {
	if !z.IsValid() {
		return build(fullnatFamily, ipvsFnatCmdGetLaddrZone, namer{verb: "list local addresses of zones"}, nil)
	}
	return build(fullnatFamily, ipvsFnatCmdGetLaddrZone, namer{verb: "list local addresses of", obj: zone{z}}, zone{z}.encode)
}

// SetServiceExtRequest is the request of [Client.SetServiceExt].
func SetServiceExtRequest(e ServiceExt) Request {
	return build(fullnatFamily, ipvsFnatCmdSetService, namer{verb: "set extension of service", obj: e.ServiceKey}, e.encode)
}

// DeleteServiceExtRequest is the request of [Client.DeleteServiceExt].
func DeleteServiceExtRequest(k ServiceKey) Request {
	return build(fullnatFamily, ipvsFnatCmdDelService, namer{verb: "delete extension of service", obj: k}, k.encode)
}

func dumpServiceExtsRequest() Request {
	return build(fullnatFamily, ipvsFnatCmdGetService, namer{verb: "list service extensions"}, nil)
}

// FlushFullNATRequest is the request of [Client.FlushFullNAT].
func FlushFullNATRequest() Request {
	return build(fullnatFamily, ipvsFnatCmdFlush, namer{verb: "flush service extensions"}, nil)
}

func getFullNATInfoRequest() Request {
	return build(fullnatFamily, ipvsFnatCmdGetInfo, namer{verb: "get FULLNAT information"}, nil)
}

func dumpConnsRequest() Request {
	return build(fullnatFamily, ipvsFnatCmdGetConn, namer{verb: "list FULLNAT connections"}, nil)
}

func dumpCountersRequest() Request {
	return build(fullnatFamily, ipvsFnatCmdGetStats, namer{verb: "list FULLNAT counters"}, nil)
}

// DrainFullNATRequest ends all connections that ip_vs_fullnat has bound in the
// namespace, like [Client.DrainFullNAT], which also counts them.
func DrainFullNATRequest() Request {
	return build(fullnatFamily, ipvsFnatCmdDrain, namer{verb: "drain FULLNAT connections"}, nil)
}
