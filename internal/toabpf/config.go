// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
)

// Mode is what net.toa.enable of the module is.
type Mode uint32

const (
	Off   Mode = iota // as if nothing were there
	On                // clients are learned and told
	Drain             // who is known is told, nobody new is learned
)

// Kinds are the kinds of TCP option that are taken, one bit each.
type Kinds [32]byte

// Config is what may be changed at any time.
type Config struct {
	Mode    Mode
	Kinds   Kinds
	Trusted []netip.Prefix
}

// DefaultConfig is that of the module.
func DefaultConfig() Config {
	c := Config{Mode: On, Trusted: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	for _, kind := range []int{254, 253, 200} {
		c.Kinds[kind/8] |= 1 << (kind % 8)
	}
	return c
}

// trustedMax is how many networks fit, as in the module.
const trustedMax = 64

// words splits a list as the module does.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(", \t\n", r) })
}

// takenByTCP says whether TCP itself uses a kind on connections of today.
func takenByTCP(kind uint64) bool {
	switch kind {
	case 19, 29, 30, 34: // MD5 signature, authentication, MPTCP, Fast Open
		return true
	}
	return kind <= 8 // end, no-op, MSS, window, SACK, time stamps
}

// ParseKinds reads a list such as "254,253,200". An empty one takes no option.
func ParseKinds(list string) (Kinds, error) {
	var k Kinds
	for _, word := range words(list) {
		kind, err := strconv.ParseUint(word, 10, 8)
		if err != nil {
			return k, fmt.Errorf("option kind %q is no number from 0 to 255", word)
		}
		if takenByTCP(kind) {
			return k, fmt.Errorf("option kind %d is one of TCP's own", kind)
		}
		k[kind/8] |= 1 << (kind % 8)
	}
	return k, nil
}

func (k Kinds) String() string {
	var list []string
	for kind := 255; kind >= 0; kind-- {
		if k[kind/8]&(1<<(kind%8)) != 0 {
			list = append(list, strconv.Itoa(kind))
		}
	}
	return strings.Join(list, ",")
}

// ParseTrusted reads networks and addresses. An empty list trusts nobody.
func ParseTrusted(list string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, word := range words(list) {
		p, err := parseNetwork(word)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(prefixes, p) {
			prefixes = append(prefixes, p)
		}
	}
	if len(prefixes) > trustedMax {
		return nil, fmt.Errorf("%d trusted networks, at most %d fit", len(prefixes), trustedMax)
	}
	return prefixes, nil
}

func parseNetwork(word string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(word); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(word)
	if err != nil {
		return p, fmt.Errorf("trusted %q is neither an address nor a network", word)
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// FormatTrusted is what ParseTrusted reads.
func FormatTrusted(prefixes []netip.Prefix) string {
	list := make([]string, len(prefixes))
	for i, p := range prefixes {
		list[i] = p.String()
	}
	return strings.Join(list, ",")
}

// ParseMode reads 0, 1 or 2.
func ParseMode(s string) (Mode, error) {
	mode, err := strconv.ParseUint(s, 10, 32)
	if err != nil || Mode(mode) > Drain {
		return 0, fmt.Errorf("enable is 0 (off), 1 (on) or 2 (drain), not %q", s)
	}
	return Mode(mode), nil
}

// writeConfig puts it into the maps. Networks that stay are trusted all the
// time, new ones before old ones go.
func writeConfig(settings, trusted *ebpf.Map, c Config) error {
	old, err := readTrusted(trusted)
	if err != nil {
		return err
	}
	for _, p := range c.Trusted {
		if slices.Contains(old, p) {
			continue
		}
		if err := trusted.Put(newTrustedKey(p), uint8(1)); err != nil {
			return fmt.Errorf("trust %v: %w", p, err)
		}
	}
	for _, p := range old {
		if slices.Contains(c.Trusted, p) {
			continue
		}
		if err := trusted.Delete(newTrustedKey(p)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("trust %v no more: %w", p, err)
		}
	}
	if err := settings.Put(uint32(0), mapSettings{uint32(c.Mode), c.Kinds}); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

func readTrusted(trusted *ebpf.Map) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	var key trustedKey
	var value uint8
	entries := trusted.Iterate()
	for entries.Next(&key, &value) {
		prefixes = append(prefixes, key.prefix())
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("trusted networks: %w", err)
	}
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	return prefixes, nil
}

func readConfig(settings, trusted *ebpf.Map) (Config, error) {
	var s mapSettings
	if err := settings.Lookup(uint32(0), &s); err != nil {
		return Config{}, fmt.Errorf("settings: %w", err)
	}
	networks, err := readTrusted(trusted)
	return Config{Mode: Mode(s.Mode), Kinds: s.Kinds, Trusted: networks}, err
}
