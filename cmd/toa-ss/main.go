// SPDX-License-Identifier: Apache-2.0

// Command toa-ss is ss with one more column: the client that the module toa, or
// toa-bpf, knows for a TCP connection.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/toabpf"
)

const usage = `usage: toa-ss [-H] [-a] [-c PREFIX] [ARGUMENTS OF ss]

Lists TCP connections as "ss -tn" does, with the client that the director told
for each of them in the last column.

  -H          no header
  -a          also connections whose client is not known
  -c PREFIX   only connections of this client: 192.0.2.10, 192.0.2.0/24

What follows goes to ss as it is, for instance: -p, state established,
'( sport = :443 )'.
`

// connFile is where the module lists the connections it knows.
const connFile = "/proc/net/toa_conn"

type options struct {
	noHeader, all bool
	client        netip.Prefix
	ss            []string
}

// parseArgs reads our own options, which stand in front of those of ss.
func parseArgs(args []string, errOut io.Writer) (options, error) {
	var o options
	client := ""
	fs := flag.NewFlagSet("toa-ss", flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.Usage = func() { fmt.Fprint(errOut, usage) }
	fs.BoolVar(&o.noHeader, "H", false, "")
	fs.BoolVar(&o.all, "a", false, "")
	fs.StringVar(&client, "c", "", "")
	own := ownArgs(args)
	if err := fs.Parse(args[:own]); err != nil {
		return o, err
	}
	o.ss = args[own:]
	if client == "" {
		return o, nil
	}
	var err error
	o.client, err = parsePrefix(client)
	return o, err
}

// ownArgs is how many of the arguments are ours.
func ownArgs(args []string) int {
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-H", "-a", "-h", "--help":
		case "-c":
			i++
		default:
			return i
		}
	}
	return len(args)
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("client %q is neither an address nor a network", s)
	}
	return p.Masked(), nil
}

// knownClients asks the module, and toa-bpf where there is none.
func knownClients() (map[wire]netip.AddrPort, error) {
	file, err := os.Open(connFile)
	if errors.Is(err, os.ErrNotExist) {
		return bpfClients()
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	clients, err := readConns(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", connFile, err)
	}
	return clients, nil
}

func bpfClients() (map[wire]netip.AddrPort, error) {
	clients := map[wire]netip.AddrPort{}
	own := toabpf.OwnNetns()
	err := toabpf.EachConn(func(c toabpf.Conn) error {
		if c.Netns == own {
			clients[wire{c.Local, c.Peer}] = c.Client
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the module toa is not loaded; toa-bpf: %w", err)
	}
	return clients, nil
}

func run(args []string, out, errOut io.Writer) error {
	o, err := parseArgs(args, errOut)
	if err != nil {
		return err
	}
	clients, err := knownClients()
	if err != nil {
		return err
	}
	// One line per connection, numbers, no header: what can be read.
	cmd := exec.Command("ss", append([]string{"-tnHO"}, o.ss...)...)
	cmd.Stderr = errOut
	listing, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("ss: %w", err)
	}
	return merge(bytes.NewReader(listing), clients, o, out)
}

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintf(os.Stderr, "toa-ss: %v\n", err)
		os.Exit(1)
	}
}
