// SPDX-License-Identifier: Apache-2.0

// Package names looks hosts and services up as ipvsadm does through the C
// library: hosts by the resolver, services in /etc/services alone. (Go's own
// port lookup falls back to a built-in list, which ipvsadm does not have.)
package names

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
)

// servicesFile is where glibc looks services up unless told otherwise.
const servicesFile = "/etc/services"

// Resolver implements spec.Resolver and spec.Namer. It keeps every answer, so
// that a long list asks once for each address. It is safe for concurrent use;
// the zero value is ready.
type Resolver struct {
	once     sync.Once
	services services
	mu       sync.Mutex
	hosts    map[netip.Addr]string
}

// HostAddr returns the first IPv4 address of a host.
func (r *Resolver) HostAddr(name string) (netip.Addr, bool) {
	if name == "" || strings.ContainsAny(name, " \t\r\n\x00") {
		return netip.Addr{}, false
	}
	addrs, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip4", name)
	if err != nil || len(addrs) == 0 {
		return netip.Addr{}, false
	}
	return addrs[0].Unmap(), true
}

// AddrName returns the canonical name of an address.
func (r *Resolver) AddrName(a netip.Addr) (string, bool) {
	r.mu.Lock()
	name, known := r.hosts[a]
	r.mu.Unlock()
	if !known {
		names, err := net.DefaultResolver.LookupAddr(context.Background(), a.String())
		if err == nil && len(names) > 0 {
			name = strings.TrimSuffix(names[0], ".")
		}
		r.mu.Lock()
		if r.hosts == nil {
			r.hosts = make(map[netip.Addr]string)
		}
		r.hosts[a] = name
		r.mu.Unlock()
	}
	return name, name != ""
}

// ServicePort returns the port of a service by its name or an alias.
func (r *Resolver) ServicePort(name string, proto uint16) (uint16, bool) {
	port, ok := r.load().byName[nameKey{protoName(proto), name}]
	return port, ok
}

// PortName returns the first name of a port.
func (r *Resolver) PortName(port, proto uint16) (string, bool) {
	name, ok := r.load().byPort[portKey{protoName(proto), port}]
	return name, ok
}

func (r *Resolver) load() services {
	r.once.Do(func() {
		f, err := os.Open(servicesFile)
		if err != nil {
			return
		}
		defer f.Close()
		r.services = parseServices(f)
	})
	return r.services
}

// protoName returns the name that /etc/services has for a protocol that
// ipvsadm knows, or a name that is in no file.
func protoName(proto uint16) string {
	switch proto {
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 132:
		return "sctp"
	}
	return ""
}

type nameKey struct{ proto, name string }

type portKey struct {
	proto string
	port  uint16
}

// services is /etc/services both ways round. The first line wins.
type services struct {
	byName map[nameKey]uint16
	byPort map[portKey]string
}

// parseServices reads lines of "name port/protocol alias... # comment" and
// passes over what is none.
func parseServices(r io.Reader) services {
	s := services{make(map[nameKey]uint16), make(map[portKey]string)}
	for sc := bufio.NewScanner(r); sc.Scan(); {
		line, _, _ := strings.Cut(sc.Text(), "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		num, proto, _ := strings.Cut(f[1], "/")
		port, err := strconv.ParseUint(num, 10, 16)
		if err != nil || proto == "" {
			continue
		}
		s.add(f[0], f[2:], proto, uint16(port))
	}
	return s
}

func (s services) add(name string, aliases []string, proto string, port uint16) {
	if _, dup := s.byPort[portKey{proto, port}]; !dup {
		s.byPort[portKey{proto, port}] = name
	}
	for _, n := range append([]string{name}, aliases...) {
		if _, dup := s.byName[nameKey{proto, n}]; !dup {
			s.byName[nameKey{proto, n}] = port
		}
	}
}
