// SPDX-License-Identifier: Apache-2.0

package cli

// optID is an option as messages and the table of legal combinations know it;
// several switches can be one option. The order is ipvsadm's, because it
// decides which of several mistakes is reported; ours come behind.
type optID uint8

const (
	optNumeric optID = iota
	optConnection
	optService
	optScheduler
	optPersistent
	optNetmask
	optServer
	optForward
	optWeight
	optUpper
	optLower
	optMcast
	optTimeout
	optDaemon
	optStats
	optRate
	optThresholds
	optPersistentConn
	optNoSort
	optSyncID
	optExact
	optOnePacket
	optEngine
	optSchedFlags
	optMcastGroup
	optMcastPort
	optMcastTTL
	optSyncMaxLen
	optTunInfo
	optTunType
	optTunPort
	optTunNoCsum
	optTunCsum
	optTunRemCsum
	optLocalAddr
	optZone
	optSynProxy
	optJSON
	optAtomic
	optDryRun
	optLocal
	optLimit
	numOptions
)

// optNames are the words that messages use.
var optNames = [numOptions]string{
	"numeric", "connection", "service-address", "scheduler", "persistent",
	"netmask", "real-server", "forwarding-method", "weight", "u-threshold",
	"l-threshold", "mcast-interface", "timeout", "daemon", "stats", "rate",
	"thresholds", "persistent-conn", "nosort", "syncid", "exact", "ops", "pe",
	"sched-flags", "mcast-group", "mcast-port", "mcast-ttl", "sync-maxlen",
	"tun-info", "tun-type", "tun-port", "tun-nocsum", "tun-csum", "tun-remcsum",
	"local-address", "zone", "synproxy", "json", "atomic", "dry-run", "local", "limit",
}

// optSet is a set of options.
type optSet uint64

func setOf(ids ...optID) (s optSet) {
	for _, id := range ids {
		s |= 1 << id
	}
	return s
}

func (s optSet) has(id optID) bool    { return s&(1<<id) != 0 }
func (s optSet) hasAny(o optSet) bool { return s&o != 0 }
func (s optSet) with(id optID) optSet { return s | 1<<id }

// rule says which options a command or a tunnel type goes with. What is in none
// of the three sets is illegal with it.
type rule struct {
	required optSet
	optional optSet
	// exclusive options are optional, but only one of them at a time.
	exclusive optSet
}

var (
	serviceRule = rule{
		required: setOf(optService),
		optional: setOf(optScheduler, optPersistent, optNetmask, optOnePacket,
			optEngine, optSchedFlags, optSynProxy),
	}
	serverRule = rule{
		required: setOf(optService, optServer),
		optional: setOf(optForward, optWeight, optUpper, optLower, optTunType,
			optTunPort, optTunNoCsum, optTunCsum, optTunRemCsum),
	}
	listRule = rule{
		exclusive: setOf(optConnection, optService, optTimeout, optDaemon),
		optional: setOf(optNumeric, optStats, optRate, optThresholds,
			optPersistentConn, optNoSort, optSyncID, optExact, optTunInfo, optJSON, optLocal),
	}
	zoneRule      = rule{required: setOf(optZone), optional: setOf(optScheduler, optLimit)}
	zoneLocalRule = rule{required: setOf(optLocalAddr, optZone)}
)

// checkOptions holds the options of a line against the rule of its subject, a
// command or tunnel type. Only the options of scope are looked at.
func checkOptions(r rule, scope, given optSet, subject string) error {
	last := numOptions
	for id := optID(0); id < numOptions; id++ {
		switch {
		case !scope.has(id):
		case !given.has(id):
			if r.required.has(id) {
				return failf("You need to supply the '%s' option for the %s", optNames[id], subject)
			}
		case r.exclusive.has(id):
			if last != numOptions {
				return failf("The option '%s' conflicts with the '%s' option in the %s",
					optNames[id], optNames[last], subject)
			}
			last = id
		case !(r.required | r.optional).has(id):
			return failf("Illegal '%s' option with the %s", optNames[id], subject)
		}
	}
	return nil
}

// tunnelRules are by tunnel type; they govern the options of tunnelScope.
var (
	tunnelScope = setOf(optTunPort, optTunNoCsum, optTunCsum, optTunRemCsum)
	tunnelRules = []rule{
		{},
		{required: setOf(optTunPort), exclusive: setOf(optTunNoCsum, optTunCsum, optTunRemCsum)},
		{exclusive: setOf(optTunNoCsum, optTunCsum)},
	}
)
