// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/toabpf"
)

func runStatus(args []string, out io.Writer) error {
	if err := parse(flag.NewFlagSet("status", flag.ContinueOnError), args); err != nil {
		return err
	}
	s, err := toabpf.GetStatus()
	if err != nil {
		return err
	}
	if err := printStatus(out, s); err != nil {
		return err
	}
	if !s.Whole() {
		return errors.New("not all hooks are taken: unload, and load anew")
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// modes as net.toa.enable has them, and what they are.
var modes = map[toabpf.Mode]string{
	toabpf.Off: "0 (off)", toabpf.On: "1 (on)", toabpf.Drain: "2 (drain)",
}

func printStatus(out io.Writer, s *toabpf.Status) error {
	var attached []string
	for _, h := range s.Hooks {
		name := h.Name
		if !h.Attached {
			name += " (detached)"
		}
		attached = append(attached, name)
	}
	cgroup := s.Cgroup
	if cgroup == "" {
		cgroup = fmt.Sprintf("number %d, not to be seen from here", s.CgroupID)
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, line := range [][2]string{
		{"loaded", yesNo(s.Whole())},
		{"cgroup", cgroup},
		{"hooks", strings.Join(attached, " ")},
		{"enable", modes[s.Mode]},
		{"kinds", s.Kinds.String()},
		{"trusted", toabpf.FormatTrusted(s.Trusted)},
		{"nat64", yesNo(s.NAT64)},
		{"mptcp", yesNo(s.MPTCP)},
		{"connections", fmt.Sprint(s.Conns)},
		{"module toa", yesNo(s.Module)},
	} {
		fmt.Fprintf(table, "%s:\t%s\n", line[0], line[1])
	}
	return table.Flush()
}
