// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"iter"
	"net/netip"
)

// AddService adds a service. A service with the same key: ErrExist; a scheduler
// or persistence engine that the kernel does not have: ErrNotExist.
func (c *Client) AddService(ctx context.Context, s Service) error {
	return c.Do(ctx, AddServiceRequest(s))
}

// EditService replaces the settings of a service, all of them.
func (c *Client) EditService(ctx context.Context, s Service) error {
	return c.Do(ctx, EditServiceRequest(s))
}

// DeleteService removes a service and its real servers. What IPVS_FULLNAT holds
// for it is removed by DeleteServiceExt.
func (c *Client) DeleteService(ctx context.Context, k ServiceKey) error {
	return c.Do(ctx, DeleteServiceRequest(k))
}

// Service returns one service, or ErrNoService.
func (c *Client) Service(ctx context.Context, k ServiceKey) (Service, error) {
	return one(ctx, c, getServiceRequest(k), decodeService)
}

// Services streams all services, in the kernel's order.
func (c *Client) Services(ctx context.Context) iter.Seq2[Service, error] {
	return stream(ctx, c, dumpServicesRequest(), decodeService)
}

// ListServices returns all services, in the kernel's order.
func (c *Client) ListServices(ctx context.Context) ([]Service, error) {
	return collect(c.Services(ctx))
}

// AddDest adds a real server to a service. One with the same key: ErrExist.
func (c *Client) AddDest(ctx context.Context, k ServiceKey, d Dest) error {
	return c.Do(ctx, AddDestRequest(k, d))
}

// EditDest replaces the settings of a real server, all of them. Connections
// live on.
func (c *Client) EditDest(ctx context.Context, k ServiceKey, d Dest) error {
	return c.Do(ctx, EditDestRequest(k, d))
}

// DeleteDest removes a real server from a service.
func (c *Client) DeleteDest(ctx context.Context, k ServiceKey, d DestKey) error {
	return c.Do(ctx, DeleteDestRequest(k, d))
}

// Dests streams the real servers of a service. The kernel answers for a service
// that is not there as it does for one without real servers: with nothing.
func (c *Client) Dests(ctx context.Context, k ServiceKey) iter.Seq2[Dest, error] {
	return stream(ctx, c, dumpDestsRequest(k), destDecoder(k))
}

// ListDests returns the real servers of a service; see Dests.
func (c *Client) ListDests(ctx context.Context, k ServiceKey) ([]Dest, error) {
	return collect(c.Dests(ctx, k))
}

// Flush removes all services and real servers of stock IPVS. What IPVS_FULLNAT
// holds is removed by FlushFullNAT.
func (c *Client) Flush(ctx context.Context) error { return c.Do(ctx, FlushRequest()) }

// Zero sets the statistics of all services and real servers to zero.
func (c *Client) Zero(ctx context.Context) error { return c.Do(ctx, ZeroRequest()) }

// ZeroService sets the statistics of one service and its real servers to zero.
func (c *Client) ZeroService(ctx context.Context, k ServiceKey) error {
	return c.Do(ctx, ZeroServiceRequest(k))
}

// Timeouts returns the connection timeouts.
func (c *Client) Timeouts(ctx context.Context) (Timeouts, error) {
	return one(ctx, c, getTimeoutsRequest(), decodeTimeouts)
}

// SetTimeouts changes those connection timeouts that are not zero.
func (c *Client) SetTimeouts(ctx context.Context, t Timeouts) error {
	return c.Do(ctx, SetTimeoutsRequest(t))
}

// Info returns what stock IPVS says about itself.
func (c *Client) Info(ctx context.Context) (Info, error) {
	return one(ctx, c, getInfoRequest(), decodeInfo)
}

// StartDaemon starts a synchronisation daemon.
func (c *Client) StartDaemon(ctx context.Context, d Daemon) error {
	return c.Do(ctx, StartDaemonRequest(d))
}

// StopDaemon stops the synchronisation daemon of the given role.
func (c *Client) StopDaemon(ctx context.Context, s DaemonState) error {
	return c.Do(ctx, StopDaemonRequest(s))
}

// ListDaemons returns the synchronisation daemons that run: none, one or two.
func (c *Client) ListDaemons(ctx context.Context) ([]Daemon, error) {
	return collect(stream(ctx, c, dumpDaemonsRequest(), decodeDaemon))
}

// AddLocalAddr gives a FULLNAT service a local address. The module cannot see
// whether stock IPVS has the service, so that is for the caller to check.
func (c *Client) AddLocalAddr(ctx context.Context, k ServiceKey, a netip.Addr) error {
	return c.Do(ctx, AddLocalAddrRequest(k, a))
}

// DeleteLocalAddr takes a local address from a service. Its connections live
// on.
func (c *Client) DeleteLocalAddr(ctx context.Context, k ServiceKey, a netip.Addr) error {
	return c.Do(ctx, DeleteLocalAddrRequest(k, a))
}

// LocalAddrs streams the local addresses of all services.
func (c *Client) LocalAddrs(ctx context.Context) iter.Seq2[ServiceLocalAddr, error] {
	return stream(ctx, c, dumpLocalAddrsRequest(ServiceKey{}), decodeServiceLocalAddr)
}

// ListLocalAddrs returns the local addresses of all services.
func (c *Client) ListLocalAddrs(ctx context.Context) ([]ServiceLocalAddr, error) {
	return collect(c.LocalAddrs(ctx))
}

// ServiceLocalAddrs streams the local addresses of one service.
func (c *Client) ServiceLocalAddrs(ctx context.Context, k ServiceKey) iter.Seq2[ServiceLocalAddr, error] {
	return stream(ctx, c, dumpLocalAddrsRequest(k), decodeServiceLocalAddr)
}

// ListServiceLocalAddrs returns the local addresses of one service.
func (c *Client) ListServiceLocalAddrs(ctx context.Context, k ServiceKey) ([]ServiceLocalAddr, error) {
	return collect(c.ServiceLocalAddrs(ctx, k))
}

// AddZone adds a SNAT zone. Bits of the prefix behind its length must be zero.
func (c *Client) AddZone(ctx context.Context, z netip.Prefix) error {
	return c.Do(ctx, AddZoneRequest(z))
}

// AddZoneWith adds a SNAT zone with settings other than the default ones.
func (c *Client) AddZoneWith(ctx context.Context, z Zone) error {
	return c.Do(ctx, AddZoneWithRequest(z))
}

// EditZone changes the settings of a zone, which keeps its place.
func (c *Client) EditZone(ctx context.Context, z Zone) error {
	return c.Do(ctx, EditZoneRequest(z))
}

// ListZoneSettings returns all zones with their settings.
func (c *Client) ListZoneSettings(ctx context.Context) ([]Zone, error) {
	return collect(stream(ctx, c, dumpZonesRequest(), decodeZoneSettings))
}

// DeleteZone removes a zone and its local addresses.
func (c *Client) DeleteZone(ctx context.Context, z netip.Prefix) error {
	return c.Do(ctx, DeleteZoneRequest(z))
}

// Zones streams all zones.
func (c *Client) Zones(ctx context.Context) iter.Seq2[netip.Prefix, error] {
	return stream(ctx, c, dumpZonesRequest(), decodeZone)
}

// ListZones returns all zones.
func (c *Client) ListZones(ctx context.Context) ([]netip.Prefix, error) {
	return collect(c.Zones(ctx))
}

// AddZoneLocalAddr gives a zone a local address.
func (c *Client) AddZoneLocalAddr(ctx context.Context, z netip.Prefix, a netip.Addr) error {
	return c.Do(ctx, AddZoneLocalAddrRequest(z, a))
}

// DeleteZoneLocalAddr takes a local address from a zone.
func (c *Client) DeleteZoneLocalAddr(ctx context.Context, z netip.Prefix, a netip.Addr) error {
	return c.Do(ctx, DeleteZoneLocalAddrRequest(z, a))
}

// ZoneLocalAddrs streams the local addresses of all zones, or of one when z is
// valid.
func (c *Client) ZoneLocalAddrs(ctx context.Context, z netip.Prefix) iter.Seq2[ZoneLocalAddr, error] {
	return stream(ctx, c, dumpZoneLocalAddrsRequest(z), decodeZoneLocalAddr)
}

// ListZoneLocalAddrs returns the local addresses of all zones, or of one when z
// is valid.
func (c *Client) ListZoneLocalAddrs(ctx context.Context, z netip.Prefix) ([]ZoneLocalAddr, error) {
	return collect(c.ZoneLocalAddrs(ctx, z))
}

// SetServiceExt creates or changes the extension of a service, all of it but the
// local addresses.
func (c *Client) SetServiceExt(ctx context.Context, e ServiceExt) error {
	return c.Do(ctx, SetServiceExtRequest(e))
}

// DeleteServiceExt removes all that IPVS_FULLNAT holds for a service, its local
// addresses included.
func (c *Client) DeleteServiceExt(ctx context.Context, k ServiceKey) error {
	return c.Do(ctx, DeleteServiceExtRequest(k))
}

// ServiceExts streams the extensions of all services that have one.
func (c *Client) ServiceExts(ctx context.Context) iter.Seq2[ServiceExt, error] {
	return stream(ctx, c, dumpServiceExtsRequest(), decodeServiceExt)
}

// ListServiceExts returns the extensions of all services that have one.
func (c *Client) ListServiceExts(ctx context.Context) ([]ServiceExt, error) {
	return collect(c.ServiceExts(ctx))
}

// FlushFullNAT removes all extensions and their local addresses.
func (c *Client) FlushFullNAT(ctx context.Context) error {
	return c.Do(ctx, FlushFullNATRequest())
}

// FullNATInfo returns version and capabilities of ip_vs_fullnat. ErrNoFamily
// says that the module is not loaded.
func (c *Client) FullNATInfo(ctx context.Context) (FullNATInfo, error) {
	return one(ctx, c, getFullNATInfoRequest(), decodeFullNATInfo)
}

// FullNATLoaded reports whether the kernel has IPVS_FULLNAT now. Other than
// every other method, which looks the family up by its name, it does not make
// the kernel load the module.
func (c *Client) FullNATLoaded(ctx context.Context) (bool, error) {
	for name, err := range stream(ctx, c, dumpFamiliesRequest(), decodeFamilyName) {
		if err != nil || name == fullnatFamily.name {
			return err == nil, err
		}
	}
	return false, nil
}

// ListCounters returns the module's counters, in the module's order.
func (c *Client) ListCounters(ctx context.Context) ([]Counter, error) {
	return collect(stream(ctx, c, dumpCountersRequest(), decodeCounter))
}

// Conns streams the connections that ip_vs_fullnat has bound, in no particular
// order.
func (c *Client) Conns(ctx context.Context) iter.Seq2[Conn, error] {
	return stream(ctx, c, dumpConnsRequest(), decodeConn)
}

// ListConns returns the connections that ip_vs_fullnat has bound.
func (c *Client) ListConns(ctx context.Context) ([]Conn, error) {
	return collect(c.Conns(ctx))
}

// DrainFullNAT ends all connections that ip_vs_fullnat has bound in the
// namespace, and returns how many were asked to end. It needs CapDrain.
func (c *Client) DrainFullNAT(ctx context.Context) (uint32, error) {
	i, err := one(ctx, c, DrainFullNATRequest(), decodeFullNATInfo)
	return i.Conns, err
}
