// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generate makes sessions that build a random table with options in random
// order, change some of it, and show it in every form.
func generate(r *rand.Rand, n int) []testCase {
	cases := make([]testCase, n)
	for i := range cases {
		g := generator{r: r}
		g.session()
		cases[i] = testCase{file: "generated", name: fmt.Sprintf("generated %d", i+1), steps: g.steps}
	}
	return cases
}

type generator struct {
	r     *rand.Rand
	steps []step
}

func (g *generator) session() {
	if g.r.IntN(4) == 0 {
		g.line([]string{"--set"}, fmt.Sprint(g.r.IntN(2000), g.r.IntN(500), g.r.IntN(900)), nil)
	}
	for range 1 + g.r.IntN(4) {
		svc := g.service()
		g.line([]string{"-A"}, svc, g.serviceOptions(svc))
		var dests []string
		for range g.r.IntN(4) {
			d := g.dest(svc)
			dests = append(dests, d)
			g.line([]string{"-a"}, svc, append(g.destOptions(svc), "-r "+d))
		}
		if g.r.IntN(3) == 0 {
			g.line([]string{"-E"}, svc, g.serviceOptions(svc))
		}
		for _, d := range dests {
			switch g.r.IntN(6) {
			case 0:
				g.line([]string{"-e"}, svc, append(g.destOptions(svc), "-r "+d))
			case 1:
				g.line([]string{"-d"}, svc, []string{"-r " + d})
			}
		}
		if g.r.IntN(8) == 0 {
			g.line([]string{"-D"}, svc, nil)
		}
	}
	for _, show := range []string{"-Ln", "-Sn", pick(g.r, "-Ln --stats", "-Ln --rate", "-Ln --thresholds",
		"-Ln --persistent-conn", "-Ln --tun-info", "-L", "-S", "-LnX --stats")} {
		g.steps = append(g.steps, step{args: strings.Fields(show)})
	}
	if g.r.IntN(2) == 0 {
		g.steps = append(g.steps, step{carry: true})
	}
}

// line adds a command line. The service keeps its place before what depends on
// it; the other options are shuffled.
func (g *generator) line(cmd []string, svc string, options []string) {
	g.r.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	words := append(cmd, strings.Fields(svc)...)
	for _, o := range options {
		words = append(words, strings.Fields(o)...)
	}
	g.steps = append(g.steps, step{args: words})
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// ipv4 returns an address. They keep to one half of all, because with both the
// order of the list can be a circle, which see corpus/odd.txt.
func (g *generator) ipv4() string {
	return fmt.Sprintf("%d.%d.%d.%d", 1+g.r.IntN(126), g.r.IntN(256), g.r.IntN(256), 1+g.r.IntN(254))
}

// service names a service.
func (g *generator) service() string {
	port := 1 + g.r.IntN(65535)
	switch g.r.IntN(6) {
	case 0:
		return fmt.Sprintf("-f %d%s", 1+g.r.IntN(1<<30), pick(g.r, "", " -6"))
	case 1:
		return fmt.Sprintf("%s [2001:db8:%x::%x]:%d", pick(g.r, "-t", "-u", "--sctp-service"),
			g.r.IntN(0x8000), g.r.IntN(0x10000), port)
	}
	return fmt.Sprintf("%s %s:%d", pick(g.r, "-t", "-u", "--sctp-service", "--tcp-service"), g.ipv4(), port)
}

func isIPv6(svc string) bool { return strings.ContainsAny(svc, "[") || strings.HasSuffix(svc, "-6") }

func (g *generator) serviceOptions(svc string) (o []string) {
	sched := pick(g.r, "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh")
	if g.r.IntN(4) > 0 {
		o = append(o, "-s "+sched)
		switch {
		case g.r.IntN(2) == 0:
		case sched == "sh", sched == "mh":
			o = append(o, "-b "+pick(g.r, sched+"-port", sched+"-fallback", sched+"-port,"+sched+"-fallback"))
		case g.r.IntN(4) == 0:
			o = append(o, "--sched-flags "+pick(g.r, "flag-1", "flag-2,flag-1", "flag-3"))
		}
	}
	if g.r.IntN(2) == 0 {
		// A value must not be swallowed by -p, so it is glued.
		o = append(o, pick(g.r, "-p600", "--persistent=7200", "-p1"))
		if g.r.IntN(2) == 0 {
			mask := pick(g.r, "255.255.255.0", "255.255.0.0", "255.255.255.255")
			if isIPv6(svc) {
				mask = pick(g.r, "64", "48", "128", "1")
			}
			o = append(o, "-M "+mask)
		}
	}
	udp := strings.HasPrefix(svc, "-u")
	if (udp || strings.HasPrefix(svc, "-f")) && g.r.IntN(3) == 0 {
		o = append(o, pick(g.r, "-o", "--ops"))
	}
	if udp && g.r.IntN(4) == 0 {
		o = append(o, "--pe sip")
	}
	return o
}

func (g *generator) dest(svc string) string {
	if isIPv6(svc) {
		return fmt.Sprintf("[2001:db8::%x]:%d", 1+g.r.IntN(0xffff), 1+g.r.IntN(65535))
	}
	return fmt.Sprintf("%s:%d", g.ipv4(), 1+g.r.IntN(65535))
}

func (g *generator) destOptions(svc string) (o []string) {
	switch g.r.IntN(6) {
	case 0:
		o = append(o, "-g")
	case 1:
		o = append(o, "-i")
	case 2:
		o = append(o, "-i", "--tun-type gue", fmt.Sprintf("--tun-port %d", 1+g.r.IntN(65535)))
		o = append(o, pick(g.r, "--tun-nocsum", "--tun-csum", "--tun-remcsum"))
	case 3:
		o = append(o, "-i", "--tun-type gre", pick(g.r, "--tun-nocsum", "--tun-csum"))
	case 4:
		o = append(o, "-m")
	}
	if g.r.IntN(2) == 0 {
		o = append(o, fmt.Sprintf("-w %d", g.r.IntN(65536)))
	}
	lower := g.r.IntN(1000)
	upper := lower + 1 + g.r.IntN(1000)
	switch g.r.IntN(6) {
	case 0:
		o = append(o, fmt.Sprintf("-x %d", upper), fmt.Sprintf("-y %d", lower))
	case 1:
		o = append(o, fmt.Sprintf("--u-threshold=%d", upper))
	}
	return o
}
