// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bufio"
	"encoding/json"
	"io"
	"net/netip"
	"strings"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/procfs"
	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// The names below are an interface: they are documented in ipvsadm-go(8), and
// fields may be added but neither renamed nor removed. Numbers are plain, times
// are in seconds, rates are per second.

type jsonService struct {
	Protocol    string          `json:"protocol,omitempty"`
	Address     *netip.Addr     `json:"address,omitempty"`
	Port        *uint16         `json:"port,omitempty"`
	FWMark      uint32          `json:"fwmark,omitempty"`
	Family      string          `json:"family"`
	Scheduler   string          `json:"scheduler"`
	SchedFlags  []string        `json:"sched_flags"`
	Persistence *jsonPersistent `json:"persistence"`
	Engine      string          `json:"pe,omitempty"`
	OnePacket   bool            `json:"ops"`
	SynProxy    bool            `json:"synproxy"`
	Stats       jsonStats       `json:"stats"`
	Rates       jsonRates       `json:"rates"`
	RealServers []jsonDest      `json:"real_servers"`
}

type jsonPersistent struct {
	Timeout uint32 `json:"timeout"`
	Netmask string `json:"netmask"`
}

type jsonStats struct {
	Conns    uint64 `json:"conns"`
	InPkts   uint64 `json:"in_pkts"`
	OutPkts  uint64 `json:"out_pkts"`
	InBytes  uint64 `json:"in_bytes"`
	OutBytes uint64 `json:"out_bytes"`
}

type jsonRates struct {
	CPS    uint64 `json:"conns"`
	InPPS  uint64 `json:"in_pkts"`
	OutPPS uint64 `json:"out_pkts"`
	InBPS  uint64 `json:"in_bytes"`
	OutBPS uint64 `json:"out_bytes"`
}

type jsonDest struct {
	Address         netip.Addr  `json:"address"`
	Port            uint16      `json:"port"`
	Family          string      `json:"family"`
	Method          string      `json:"method"`
	Tunnel          *jsonTunnel `json:"tunnel,omitempty"`
	Weight          int32       `json:"weight"`
	UpperThreshold  uint32      `json:"u_threshold"`
	LowerThreshold  uint32      `json:"l_threshold"`
	ActiveConns     uint32      `json:"active_conns"`
	InactiveConns   uint32      `json:"inactive_conns"`
	PersistentConns uint32      `json:"persistent_conns"`
	Stats           jsonStats   `json:"stats"`
	Rates           jsonRates   `json:"rates"`
}

type jsonTunnel struct {
	Type     string `json:"type"`
	Port     uint16 `json:"port,omitempty"`
	Checksum string `json:"checksum"`
}

type jsonLocalAddr struct {
	Address   netip.Addr `json:"address"`
	Conflicts uint64     `json:"conflicts"`
	Conns     uint32     `json:"conns"`
}

func family(f np.AddressFamily) string { return strings.ToLower(f.String()) }

func statsOf(s *np.Stats) (jsonStats, jsonRates) {
	return jsonStats{s.Conns, s.InPkts, s.OutPkts, s.InBytes, s.OutBytes},
		jsonRates{s.CPS, s.InPPS, s.OutPPS, s.InBPS, s.OutBPS}
}

// setKey fills in what names the service.
func (j *jsonService) setKey(k np.ServiceKey) {
	j.Family = family(k.Family)
	if k.FWMark != 0 {
		j.FWMark = k.FWMark
		return
	}
	j.Protocol, j.Address, j.Port = k.Protocol.String(), &k.Addr, &k.Port
}

func serviceJSON(s Service) *jsonService {
	j := &jsonService{
		Scheduler: s.Scheduler, Engine: s.PEName, SynProxy: s.SynProxy,
		OnePacket:   s.Flags&np.FlagOnePacket != 0,
		SchedFlags:  []string{},
		RealServers: []jsonDest{},
	}
	j.setKey(s.ServiceKey)
	if names := spec.SaveSchedFlags(s.Scheduler, uint32(s.Flags)&spec.SchedFlags); names != "" {
		j.SchedFlags = strings.Split(names, ",")
	}
	if s.Flags&np.FlagPersistent != 0 {
		j.Persistence = &jsonPersistent{s.Timeout, s.Netmask.Format(s.Family)}
	}
	j.Stats, j.Rates = statsOf(&s.Stats)
	return j
}

// methodNames are those of the interface; the words of the list are too short
// to guess.
var methodNames = map[np.FwdMethod]string{
	np.Masquerade: "masquerading", np.Local: "local", np.Tunnel: "tunnel",
	np.DirectRoute: "gatewaying", np.Bypass: "bypass", np.FullNAT: "fullnat",
}

func destJSON(d np.Dest) jsonDest {
	j := jsonDest{
		Address: d.Addr, Port: d.Port, Family: family(np.FamilyOf(d.Addr)),
		Method: methodNames[d.FwdMethod], Weight: d.Weight,
		UpperThreshold: d.UpperThreshold, LowerThreshold: d.LowerThreshold,
		ActiveConns: d.ActiveConns, InactiveConns: d.InactiveConns,
		PersistentConns: d.PersistentConns,
	}
	if d.FwdMethod == np.Tunnel && int(d.TunnelType) < len(spec.TunnelTypes) {
		j.Tunnel = &jsonTunnel{spec.TunnelTypes[d.TunnelType], d.TunnelPort,
			strings.TrimPrefix(tunnelOption(d.TunnelFlags), " --tun-")}
	}
	j.Stats, j.Rates = statsOf(&d.Stats)
	return j
}

// JSON prints objects as one JSON document. It has the methods of a Printer
// that lists use. One service is held at a time.
type JSON struct {
	w    *bufio.Writer
	err  error
	svc  *jsonService
	open bool // within a list
	any  bool // the list has an element
	keys int  // members of the document so far
}

// NewJSON returns a JSON that prints to w.
func NewJSON(w io.Writer) *JSON {
	return &JSON{w: bufio.NewWriterSize(w, 64<<10)}
}

func (j *JSON) value(v any) {
	b, err := json.Marshal(v)
	if err != nil && j.err == nil {
		j.err = err
	}
	j.w.Write(b) // the error stays in the bufio.Writer
}

// key begins a member of the document.
func (j *JSON) key(name string) {
	j.endList()
	if j.keys == 0 {
		j.w.WriteByte('{')
	} else {
		j.w.WriteByte(',')
	}
	j.keys++
	j.value(name)
	j.w.WriteByte(':')
}

// list begins a member that is a list; item appends to it.
func (j *JSON) list(name string) {
	j.key(name)
	j.w.WriteByte('[')
	j.open, j.any = true, false
}

func (j *JSON) item(v any) {
	if j.any {
		j.w.WriteByte(',')
	}
	j.any = true
	j.w.WriteByte('\n')
	j.value(v)
}

func (j *JSON) endService() {
	if j.svc != nil {
		j.item(j.svc)
		j.svc = nil
	}
}

func (j *JSON) endList() {
	j.endService()
	if j.open {
		j.w.WriteByte(']')
		j.open = false
	}
}

// Flush ends the document.
func (j *JSON) Flush() error {
	j.endList()
	if j.keys == 0 {
		j.w.WriteByte('{')
	}
	j.w.WriteString("}\n")
	if err := j.w.Flush(); err != nil {
		return err
	}
	return j.err
}

// Version adds what IPVS says about itself.
func (j *JSON) Version(i np.Info) {
	j.key("version")
	j.value(i.Version.String())
	j.key("conn_table_size")
	j.value(i.ConnTableSize)
}

// Title begins the list of services.
func (j *JSON) Title() { j.list("services") }

// Service adds a service.
func (j *JSON) Service(s Service) {
	j.endService()
	j.svc = serviceJSON(s)
}

// Dest adds a real server to the service that was added last.
func (j *JSON) Dest(d np.Dest) { j.svc.RealServers = append(j.svc.RealServers, destJSON(d)) }

// LocalAddrTitle begins the list of services with local addresses.
func (j *JSON) LocalAddrTitle() { j.list("services") }

// ZoneTitle begins the list of zones.
func (j *JSON) ZoneTitle() { j.list("zones") }

func localAddrsJSON(addrs []np.LocalAddr) []jsonLocalAddr {
	out := make([]jsonLocalAddr, len(addrs))
	for i, a := range addrs {
		out[i] = jsonLocalAddr{a.Addr, a.PortConflicts, a.Conns}
	}
	return out
}

// ServiceLocalAddrs adds a service and its local addresses.
func (j *JSON) ServiceLocalAddrs(k np.ServiceKey, addrs []np.LocalAddr) {
	var key jsonService
	key.setKey(k)
	j.item(struct {
		Protocol   string          `json:"protocol,omitempty"`
		Address    *netip.Addr     `json:"address,omitempty"`
		Port       *uint16         `json:"port,omitempty"`
		FWMark     uint32          `json:"fwmark,omitempty"`
		Family     string          `json:"family"`
		LocalAddrs []jsonLocalAddr `json:"local_addresses"`
	}{key.Protocol, key.Address, key.Port, key.FWMark, key.Family, localAddrsJSON(addrs)})
}

// ZoneLocalAddrs adds a zone and its local addresses.
func (j *JSON) ZoneLocalAddrs(z np.Zone, addrs []np.LocalAddr) {
	j.item(struct {
		Zone       netip.Prefix    `json:"zone"`
		Scheduler  string          `json:"scheduler"`
		Limit      uint32          `json:"limit"`
		LocalAddrs []jsonLocalAddr `json:"local_addresses"`
	}{z.Prefix, z.Select.String(), z.Limit, localAddrsJSON(addrs)})
}

// Timeouts adds the connection timeouts.
func (j *JSON) Timeouts(t np.Timeouts) {
	j.key("timeouts")
	j.value(struct {
		TCP    uint32 `json:"tcp"`
		TCPFin uint32 `json:"tcp_fin"`
		UDP    uint32 `json:"udp"`
	}{t.TCP, t.TCPFin, t.UDP})
}

// DaemonTitle begins the list of sync daemons.
func (j *JSON) DaemonTitle() { j.list("daemons") }

// Daemon adds a sync daemon.
func (j *JSON) Daemon(d np.Daemon) {
	v := struct {
		State      string      `json:"state"`
		Interface  string      `json:"mcast_interface"`
		SyncID     uint32      `json:"syncid"`
		SyncMaxLen uint16      `json:"sync_maxlen,omitempty"`
		Group      *netip.Addr `json:"mcast_group,omitempty"`
		Port       uint16      `json:"mcast_port,omitempty"`
		TTL        uint8       `json:"mcast_ttl,omitempty"`
	}{d.State.String(), d.Interface, d.SyncID, d.SyncMaxLen, nil, d.McastPort, d.McastTTL}
	if d.McastGroup.IsValid() {
		v.Group = &d.McastGroup
	}
	j.item(v)
}

// ConnTitle begins the list of connections.
func (j *JSON) ConnTitle() { j.list("connections") }

// Conn adds a connection.
func (j *JSON) Conn(c *procfs.Conn) {
	type endpoint struct {
		Address netip.Addr `json:"address"`
		Port    uint16     `json:"port"`
	}
	v := struct {
		Protocol string    `json:"protocol"`
		State    string    `json:"state"`
		Expires  uint32    `json:"expires"`
		Client   endpoint  `json:"client"`
		Virtual  endpoint  `json:"virtual"`
		Server   endpoint  `json:"real_server"`
		PEName   string    `json:"pe,omitempty"`
		PEData   string    `json:"pe_data,omitempty"`
		Local    *endpoint `json:"local,omitempty"`
	}{strings.ToLower(c.Protocol), c.State, c.Expires,
		endpoint{c.Client.Addr, c.Client.Port}, endpoint{c.Virtual.Addr, c.Virtual.Port},
		endpoint{c.Dest.Addr, c.Dest.Port}, c.PEName, c.PEData, nil}
	if c.Local.Addr.IsValid() {
		v.Local = &endpoint{c.Local.Addr, c.Local.Port}
	}
	j.item(v)
}
