// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"math"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/argv"
	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// optFree is for switches that may be repeated and that no rule governs.
const optFree = numOptions

// option is one row of the table: its names and what it does. A row without set
// is a command, which is legal only in the first place.
type option struct {
	argv.Option
	id  optID
	set func(*request, argv.Token) error
}

// cmdOption is the row of a command.
func cmdOption(long string, short byte, arity argv.Arity) option {
	return option{Option: argv.Option{Long: long, Short: short, Arity: arity}}
}

// flagOption is a row without a value.
func flagOption(long string, short byte, id optID, set func(*request)) option {
	return option{argv.Option{Long: long, Short: short}, id,
		func(r *request, _ argv.Token) error { set(r); return nil }}
}

// valueOption is a row with a value.
func valueOption(long string, short byte, id optID, set func(*request, string) error) option {
	return option{argv.Option{Long: long, Short: short, Arity: argv.NeedsValue}, id,
		func(r *request, k argv.Token) error { return set(r, k.Value) }}
}

// numberOption is a row with a number between lo and hi; what names it in the
// message.
func numberOption(long string, short byte, id optID, what string, lo, hi int64, set func(*request, int64)) option {
	return valueOption(long, short, id, func(r *request, v string) error {
		n, ok := spec.Number(v, lo, hi)
		if !ok {
			return failf("illegal %s specified", what)
		}
		set(r, n)
		return nil
	})
}

// methodOption is a row that chooses a forwarding method.
func methodOption(long string, short byte, m np.FwdMethod) option {
	return flagOption(long, short, optForward, func(r *request) { r.dest.FwdMethod = m })
}

// serviceOption is a row that names a service of protocol p.
func serviceOption(long string, short byte, p np.Protocol) option {
	return valueOption(long, short, optService, func(r *request, v string) error {
		r.svc.Protocol = p
		e, ok := spec.ParseEndpoint(v, uint16(p), r.names)
		if !ok {
			return failf("illegal virtual server address[:port] specified")
		}
		r.svc.Addr, r.svc.Port = e.Addr, e.Port
		r.setFamily(np.FamilyOf(e.Addr))
		return nil
	})
}

// options is the table of everything that can stand on the command line. It is
// filled by init, because the commands that it leads to refer back to it.
var options []option

func init() {
	options = append(options, commandOptions()...)
	options = append(options, serviceOptions...)
	options = append(options, serverOptions...)
	options = append(options, listOptions...)
	options = append(options, daemonOptions...)
	options = append(options, fullnatOptions...)
	buildTable()
}

// commandOptions returns the rows of all commands.
func commandOptions() []option {
	var rows []option
	for _, c := range commands {
		rows = append(rows, cmdOption(c.name, c.short, c.arity))
		for _, a := range c.aliases {
			rows = append(rows, cmdOption(a.long, a.short, c.arity))
		}
	}
	return rows
}

var serviceOptions = []option{
	serviceOption("tcp-service", 't', np.TCP),
	serviceOption("udp-service", 'u', np.UDP),
	serviceOption("sctp-service", 0, np.SCTP),
	valueOption("fwmark-service", 'f', optService, func(r *request, v string) error {
		m, err := spec.FirewallMark(v)
		if err != nil {
			return failf("%v", err)
		}
		r.svc.Family, r.svc.FWMark = np.IPv4, m
		return nil
	}),
	{argv.Option{Long: "ipv6", Short: '6'}, optFree, func(r *request, _ argv.Token) error {
		if r.svc.FWMark == 0 {
			return failf("-6 used before -f\n")
		}
		r.setFamily(np.IPv6)
		return nil
	}},
	valueOption("scheduler", 's', optScheduler, func(r *request, v string) error {
		r.svc.Scheduler = cut(v, 15)
		return nil
	}),
	{argv.Option{Long: "persistent", Short: 'p', Arity: argv.MayHaveValue}, optPersistent, setPersistent},
	valueOption("netmask", 'M', optNetmask, setNetmask),
	flagOption("ops", 'o', optOnePacket, func(r *request) { r.svc.Flags |= np.FlagOnePacket }),
	valueOption("pe", 0, optEngine, func(r *request, v string) error {
		r.svc.PEName = cut(v, 15)
		return nil
	}),
	valueOption("sched-flags", 'b', optSchedFlags, func(r *request, v string) error {
		r.schedFlags = v
		return nil
	}),
}

// setFamily notes the family of the service. A mask that was given for another
// one is forgotten.
func (r *request) setFamily(f np.AddressFamily) {
	r.svc.Family = f
	if f == np.IPv6 {
		r.svc.Netmask = np.Netmask{}
	}
}

func setPersistent(r *request, k argv.Token) error {
	r.svc.Flags |= np.FlagPersistent
	r.svc.Timeout = defaultPersistence
	if !k.HasValue {
		return nil
	}
	t, err := spec.Timeout(k.Value, 1)
	if err != nil {
		return failf("%v", err)
	}
	r.svc.Timeout = t
	return nil
}

// setNetmask reads the mask in the form of the service that was named so far.
func setNetmask(r *request, v string) error {
	if r.svc.Family == np.IPv6 {
		n := spec.LeadingInt(v)
		if n < 1 || n > 128 {
			return failf("illegal ipv6 netmask specified")
		}
		r.svc.Netmask = np.PrefixNetmask(np.IPv6, n)
		return nil
	}
	m, ok := spec.ParseMask(v, r.names)
	if !ok {
		return failf("illegal virtual server persistent mask specified")
	}
	r.svc.Netmask = np.IPv4Netmask(m)
	return nil
}

// cut shortens a name to what fits ipvsadm's buffer for it.
func cut(s string, n int) string { return s[:min(len(s), n)] }

var serverOptions = []option{
	valueOption("real-server", 'r', optServer, func(r *request, v string) error {
		e, ok := spec.ParseEndpoint(v, uint16(r.svc.Protocol), r.names)
		if !ok {
			return failf("illegal real server address[:port] specified")
		}
		if !e.HasPort {
			e.Port = r.svc.Port
		}
		r.dest.Addr, r.dest.Port = e.Addr, e.Port
		return nil
	}),
	methodOption("masquerading", 'm', np.Masquerade),
	methodOption("ipip", 'i', np.Tunnel),
	methodOption("gatewaying", 'g', np.DirectRoute),
	methodOption("fullnat", 0, np.FullNAT),
	// Debian's ipvsadm takes more than the 65535 of upstream.
	numberOption("weight", 'w', optWeight, "weight", 0, math.MaxInt32,
		func(r *request, n int64) { r.dest.Weight = int32(n) }),
	numberOption("u-threshold", 'x', optUpper, "u_threshold", 0, math.MaxInt32,
		func(r *request, n int64) { r.dest.UpperThreshold = uint32(n) }),
	numberOption("l-threshold", 'y', optLower, "l_threshold", 0, math.MaxInt32,
		func(r *request, n int64) { r.dest.LowerThreshold = uint32(n) }),
	valueOption("tun-type", 0, optTunType, func(r *request, v string) error {
		t, ok := spec.ParseTunnelType(v)
		if !ok {
			return failf("illegal tunnel type specified")
		}
		r.dest.TunnelType = np.TunnelType(t)
		return nil
	}),
	numberOption("tun-port", 0, optTunPort, "tunnel port", 1, 65535,
		func(r *request, n int64) { r.dest.TunnelPort = uint16(n) }),
	flagOption("tun-nocsum", 0, optTunNoCsum, func(*request) {}),
	flagOption("tun-csum", 0, optTunCsum, func(r *request) { r.dest.TunnelFlags |= np.TunnelCsum }),
	flagOption("tun-remcsum", 0, optTunRemCsum, func(r *request) { r.dest.TunnelFlags |= np.TunnelRemCsum }),
}

var listOptions = []option{
	flagOption("numeric", 'n', optNumeric, func(r *request) { r.numeric = true }),
	flagOption("connection", 'c', optConnection, func(*request) {}),
	flagOption("timeout", 0, optTimeout, func(*request) {}),
	flagOption("daemon", 0, optDaemon, func(*request) {}),
	flagOption("stats", 0, optStats, func(r *request) { r.format.Stats = true }),
	flagOption("rate", 0, optRate, func(r *request) { r.format.Rate = true }),
	flagOption("thresholds", 0, optThresholds, func(r *request) { r.format.Thresholds = true }),
	flagOption("persistent-conn", 0, optPersistentConn, func(r *request) { r.format.PersistentConn = true }),
	flagOption("nosort", 0, optNoSort, func(r *request) { r.noSort = true }),
	flagOption("sort", 0, optFree, func(*request) {}),
	flagOption("exact", 'X', optExact, func(r *request) { r.format.Exact = true }),
	flagOption("atomic", 0, optAtomic, func(*request) {}),
	flagOption("dry-run", 0, optDryRun, func(*request) {}),
	flagOption("local", 0, optLocal, func(r *request) { r.format.Local = true }),
	flagOption("json", 0, optJSON, func(r *request) { r.json = true }),
	flagOption("tun-info", 0, optTunInfo, func(r *request) { r.format.TunInfo = true }),
}

var daemonOptions = []option{
	valueOption("mcast-interface", 0, optMcast, func(r *request, v string) error {
		r.daemon.Interface = cut(v, 15)
		return nil
	}),
	numberOption("syncid", 0, optSyncID, "syncid", 0, 255,
		func(r *request, n int64) { r.daemon.SyncID = uint32(n) }),
	valueOption("mcast-group", 0, optMcastGroup, func(r *request, v string) error {
		a, err := spec.ParseGroup(v)
		if err != nil {
			return failf("%v", err)
		}
		r.daemon.McastGroup = a
		return nil
	}),
	numberOption("mcast-port", 0, optMcastPort, "mcast-port", 1, 65535,
		func(r *request, n int64) { r.daemon.McastPort = uint16(n) }),
	numberOption("mcast-ttl", 0, optMcastTTL, "mcast-ttl", 1, 255,
		func(r *request, n int64) { r.daemon.McastTTL = uint8(n) }),
	numberOption("sync-maxlen", 0, optSyncMaxLen, "sync-maxlen", 1, 65535-20-8,
		func(r *request, n int64) { r.daemon.SyncMaxLen = uint16(n) }),
}

var fullnatOptions = []option{
	{argv.Option{Long: "laddr", Short: 'z', Arity: argv.NeedsValue}, optFree, addLocal},
	valueOption("zone", 0, optZone, func(r *request, v string) error {
		z, err := spec.ParseZone(v)
		if err != nil {
			return failf("%v", err)
		}
		r.zone = z
		return nil
	}),
	numberOption("limit", 0, optLimit, "limit", 0, math.MaxUint32,
		func(r *request, n int64) { r.zoneSet.Limit = uint32(n) }),
	valueOption("synproxy", 'j', optSynProxy, func(r *request, v string) error {
		if v != "enable" && v != "disable" {
			return failf("synproxy switch must be enable or disable")
		}
		r.synProxy = v == "enable"
		return nil
	}),
}

// addLocal takes a local address or a range; unlike other options it may be
// repeated.
func addLocal(r *request, k argv.Token) error {
	first, last, err := spec.ParseRange(k.Value)
	if err != nil {
		return failf("%v", err)
	}
	r.numLocals += spec.RangeSize(first, last)
	if r.numLocals > spec.RangeMax {
		return failf("more than %d local addresses on one line", spec.RangeMax)
	}
	r.given = r.given.with(optLocalAddr)
	r.locals = append(r.locals, addrRange{first, last})
	return nil
}
