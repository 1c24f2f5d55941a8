// SPDX-License-Identifier: Apache-2.0

// Command toa-bpf has programs on a real server see their clients, as the module
// toa does, by BPF: it loads the programs, and leaves them to the kernel.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/toabpf"
)

const usage = `usage: toa-bpf COMMAND [OPTIONS]

  load     begin: programs see the clients that directors tell in a TCP option
      --kinds LIST     option kinds that are taken (254,253,200)
      --trusted LIST   networks of directors (0.0.0.0/0,::/0: everybody)
      --enable 0|1|2   off, on (1), or drain: tell who is known, learn nobody
      --cgroup PATH    only sockets made in this cgroup and below
      --nat64          also answer the socket option for NAT64
      --no-syn         do not look for the option on SYNs
      --beside-module  although the module toa is loaded
  unload   end: programs see the directors
  status   what is loaded; 0 if all is well, 3 if nothing is loaded
  set      change --kinds, --trusted, --enable
  list     connections whose client is known, of all network namespaces
      -H               no header
      --here           of this network namespace only
  stats    counters, in the form of /proc/net/toa_stats

toa-bpf(8) has more.
`

// Exit statuses of the service manager's convention.
const (
	exitFailed    = 1
	exitUsage     = 2
	exitNotLoaded = 3
)

// usageError is a mistake in the command line.
type usageError struct{ error }

// command is what one of the words does.
type command func(args []string, out io.Writer) error

var commands = map[string]command{
	"load": runLoad, "unload": runUnload, "status": runStatus,
	"set": runSet, "list": runList, "stats": runStats,
}

// parse reads the options of a command, which takes no other arguments.
func parse(fs *flag.FlagSet, args []string) error {
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{fmt.Errorf("%s: %w", fs.Name(), err)}
	}
	if fs.NArg() > 0 {
		return usageError{fmt.Errorf("%s: unexpected argument %q", fs.Name(), fs.Arg(0))}
	}
	return nil
}

// configFlags are the settings, as text: what was not given is nil.
type configFlags struct {
	kinds, trusted, enable *string
}

// optional is a flag that tells whether it was given.
func optional(fs *flag.FlagSet, name string, into **string) {
	fs.Func(name, "", func(s string) error {
		*into = &s
		return nil
	})
}

func (c *configFlags) add(fs *flag.FlagSet) {
	optional(fs, "kinds", &c.kinds)
	optional(fs, "trusted", &c.trusted)
	optional(fs, "enable", &c.enable)
}

// apply changes what was given.
func (c *configFlags) apply(config *toabpf.Config) (err error) {
	if c.kinds != nil {
		if config.Kinds, err = toabpf.ParseKinds(*c.kinds); err != nil {
			return usageError{err}
		}
	}
	if c.trusted != nil {
		if config.Trusted, err = toabpf.ParseTrusted(*c.trusted); err != nil {
			return usageError{err}
		}
	}
	if c.enable != nil {
		if config.Mode, err = toabpf.ParseMode(*c.enable); err != nil {
			return usageError{err}
		}
	}
	return nil
}

func runLoad(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	o := toabpf.Options{Config: toabpf.DefaultConfig()}
	var c configFlags
	c.add(fs)
	fs.StringVar(&o.Cgroup, "cgroup", "", "")
	fs.BoolVar(&o.NAT64, "nat64", false, "")
	fs.BoolVar(&o.NoSYN, "no-syn", false, "")
	fs.BoolVar(&o.BesideModule, "beside-module", false, "")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := c.apply(&o.Config); err != nil {
		return err
	}
	done, err := toabpf.Load(o)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "loaded at %s\n", done.Cgroup)
	if o.Cgroup == "" && !done.WholeTop {
		fmt.Fprintln(out, "note: that is not the top of the machine's cgroups; sockets outside of it are not served")
	}
	if done.Module {
		fmt.Fprintln(out, "note: the module toa is loaded, too")
	}
	if done.ListenersLeft > 0 {
		fmt.Fprintf(out, "note: %d listening sockets could not be reached; until they listen anew, "+
			"an option that is on the SYN only is not taken there\n", done.ListenersLeft)
	}
	return nil
}

func runUnload(args []string, out io.Writer) error {
	if err := parse(flag.NewFlagSet("unload", flag.ContinueOnError), args); err != nil {
		return err
	}
	return toabpf.Unload()
}

func runSet(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("set", flag.ContinueOnError)
	var c configFlags
	c.add(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	if c == (configFlags{}) {
		return usageError{errors.New("set: what? --kinds, --trusted or --enable")}
	}
	// What is wrong is said even if nothing is loaded.
	if err := c.apply(&toabpf.Config{}); err != nil {
		return err
	}
	return toabpf.SetConfig(func(config *toabpf.Config) { _ = c.apply(config) })
}

func runList(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("list", flag.ContinueOnError)
	noHeader := fs.Bool("H", false, "")
	here := fs.Bool("here", false, "")
	if err := parse(fs, args); err != nil {
		return err
	}
	if !*noHeader {
		fmt.Fprintln(out, "Local Peer Client Netns")
	}
	own := toabpf.OwnNetns()
	return toabpf.EachConn(func(c toabpf.Conn) error {
		if *here && c.Netns != own {
			return nil
		}
		_, err := fmt.Fprintf(out, "%v %v %v %d\n", c.Local, c.Peer, c.Client, c.Netns)
		return err
	})
}

func runStats(args []string, out io.Writer) error {
	if err := parse(flag.NewFlagSet("stats", flag.ContinueOnError), args); err != nil {
		return err
	}
	counters, err := toabpf.ReadStats()
	if err != nil || len(counters) == 0 {
		return err
	}
	fmt.Fprintf(out, "%-26s", "")
	for cpu := range counters[0].PerCPU {
		fmt.Fprintf(out, " %6s%-4d", "CPU", cpu)
	}
	fmt.Fprintln(out)
	for _, c := range counters {
		fmt.Fprintf(out, "%-25s:", c.Name)
		for _, v := range c.PerCPU {
			fmt.Fprintf(out, " %10d", v)
		}
		fmt.Fprintln(out)
	}
	return nil
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return usageError{errors.New("which command? toa-bpf help lists them")}
	}
	switch args[0] {
	case "help", "-h", "--help":
		return flag.ErrHelp
	}
	c, ok := commands[args[0]]
	if !ok {
		return usageError{fmt.Errorf("no command %q; toa-bpf help lists them", args[0])}
	}
	return c(args[1:], out)
}

func exitStatus(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, toabpf.ErrNotLoaded):
		return exitNotLoaded
	}
	return exitFailed
}

func main() {
	err := run(os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Print(usage)
		return
	}
	if err != nil {
		// One line, whatever the kernel's log of it has.
		fmt.Fprintln(os.Stderr, "toa-bpf:", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	os.Exit(exitStatus(err))
}
