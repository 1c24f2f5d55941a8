// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// lineMaker makes the lines of a random table with every option there is.
type lineMaker struct {
	*rand.Rand
	lines []string
}

func (m *lineMaker) add(words ...string) {
	m.lines = append(m.lines, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
}

func (m *lineMaker) pick(from ...string) string { return from[m.IntN(len(from))] }

// addr returns the nth address of a family, so that none comes twice.
func addr(v6 bool, net, n int) string {
	if v6 {
		return fmt.Sprintf("2001:db8:%x::%x", net, n+1)
	}
	return fmt.Sprintf("10.%d.%d.%d", net, n/250, n%250+1)
}

func endpoint(v6 bool, a string, port int) string {
	if v6 {
		return fmt.Sprintf("[%s]:%d", a, port)
	}
	return fmt.Sprintf("%s:%d", a, port)
}

// service adds the nth service with its real servers and local addresses.
func (m *lineMaker) service(n int) {
	v6 := m.IntN(2) == 0
	kind := m.pick("-t", "-u", "--sctp-service", "-f")
	name := kind + " " + endpoint(v6, addr(v6, 0, n), 1+m.IntN(65535))
	if kind == "-f" {
		name = fmt.Sprintf("-f %d", uint32(n+1)|m.Uint32()<<3)
		if v6 {
			name += " -6"
		}
	}
	sched := m.pick("rr", "wlc", "sh", "mh", "ovf")
	synProxy := kind == "-t" && m.IntN(3) == 0
	options := []string{"-s " + sched}
	if synProxy {
		options = append(options, "-j enable")
	}
	if m.IntN(2) == 0 {
		options = append(options, fmt.Sprintf("-p %d", 1+m.IntN(9999)))
		if v6 {
			options = append(options, fmt.Sprintf("-M %d", 1+m.IntN(128)))
		} else {
			options = append(options, "-M "+m.pick("255.255.255.0", "255.255.255.255", "255.0.0.0"))
		}
	}
	if m.IntN(4) == 0 {
		options = append(options, "--pe sip")
	}
	onePacket := kind == "-u" && m.IntN(3) == 0
	if onePacket {
		options = append(options, "-o")
	}
	if m.IntN(3) == 0 {
		flags := m.pick("flag-1", "flag-2,flag-3")
		if sched == "sh" || sched == "mh" {
			flags = m.pick(sched+"-port", sched+"-fallback,"+sched+"-port", sched+"-port,flag-3")
		}
		options = append(options, "-b "+flags)
	}
	m.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	m.add("-A", name, strings.Join(options, " "))
	for i := range m.IntN(5) {
		m.server(name, v6, synProxy, onePacket, i)
	}
	for i := range m.IntN(3) {
		m.add("-P", name, "-z", addr(v6, 7, 10*i), "-z", addr(v6, 7, 10*i+1)+"-"+addr(v6, 7, 10*i+3))
	}
}

func (m *lineMaker) server(name string, v6, fullnat, onePacket bool, n int) {
	method := m.pick("-g", "-m", "-b", "-i", "-i --tun-type ipip", "-i --tun-type gre --tun-csum", "-i --tun-type gre",
		"-i --tun-type gue --tun-port 6080 --tun-remcsum", "-i --tun-type gue --tun-port 1 --tun-nocsum")
	if fullnat {
		method = "--fullnat"
	}
	limits := m.pick("", fmt.Sprintf("-x %d", 1+m.IntN(1000)), fmt.Sprintf("-y %d -x %d", m.IntN(1000), 1000+m.IntN(1000)))
	if method == "-b" && (onePacket || strings.HasPrefix(name, "--sctp")) {
		method = "-m" // FULLNAT knows TCP and UDP only, and connections
	}
	m.add("-a", name, "-r", endpoint(v6, addr(v6, 8, n), 1+m.IntN(65535)), method, m.pick("", fmt.Sprintf("-w %d", m.IntN(1<<31))), limits)
}

func (m *lineMaker) zone(n int) {
	zone := m.pick(fmt.Sprintf("192.168.%d.0/24", n), fmt.Sprintf("172.%d.0.0/255.255.0.0", n), fmt.Sprintf("2001:db8:9:%x::/64", n))
	m.add("-K", "--zone", zone)
	for i := range m.IntN(3) {
		m.add(m.pick("-U", "-P"), "--zone", zone, "-z", addr(strings.Contains(zone, ":"), 9, i))
	}
}

// What is saved of a table is read back as that table, with every option. The
// lines of a save and those of a plan are made by the same functions.
func TestPlan_randomTables(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	m := lineMaker{Rand: rand.New(rand.NewPCG(seed, 0))}
	for range 200 {
		m.lines = nil
		for i := range 1 + m.IntN(6) {
			m.service(i)
		}
		m.add("-A", m.pick("-t 0.0.0.0:0", "-u [::]:0", "-t [::]:0"), "-s rr")
		for i := range m.IntN(4) {
			m.zone(i)
		}
		text := strings.Join(m.lines, "\n")
		want := tablesOf(t, text)
		saved := strings.Join(makePlan(newTables(), want), "\n")
		// A plan switches SYN proxying on with the service, like a save.
		again := tablesOf(t, saved)
		if plan := makePlan(want, again); len(plan) > 0 {
			t.Fatalf("seed %d: restoring what was saved would change\n%s\nsaved\n%s\nof\n%s",
				seed, strings.Join(plan, "\n"), saved, text)
		}
		if resaved := strings.Join(makePlan(newTables(), again), "\n"); resaved != saved {
			t.Fatalf("seed %d: saved\n%s\nthen\n%s", seed, saved, resaved)
		}
	}
}
