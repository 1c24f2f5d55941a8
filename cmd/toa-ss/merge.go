// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"
)

// wire is a connection as it is on the wire; IPv4 as IPv4, whatever the socket.
type wire struct {
	local, peer netip.AddrPort
}

// readConns reads /proc/net/toa_conn: a header, then local address, peer and
// client of one connection per line.
func readConns(r io.Reader) (map[wire]netip.AddrPort, error) {
	clients := map[wire]netip.AddrPort{}
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		if n == 1 {
			continue
		}
		fields := strings.Fields(scanner.Text())
		if len(fields) < 3 {
			return nil, fmt.Errorf("line %d has %d fields, not 3", n, len(fields))
		}
		var ends [3]netip.AddrPort
		for i := range ends {
			end, err := parseEnd(fields[i])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			ends[i] = end
		}
		clients[wire{ends[0], ends[1]}] = ends[2]
	}
	return clients, scanner.Err()
}

// parseEnd reads an address with a port, as the module or ss write it: with a
// device behind the address (and its bracket), in the v4-mapped form.
func parseEnd(s string) (netip.AddrPort, error) {
	if addr, port, ok := strings.Cut(s, "%"); ok && strings.HasPrefix(addr, "[") == strings.HasSuffix(addr, "]") {
		_, number, _ := strings.Cut(port, ":")
		s = addr + ":" + number
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return ap, err
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()), nil
}

// ssLine is what ss says of a connection: its columns, and what is behind them.
type ssLine struct {
	columns []string
	rest    string
	wire    wire
}

// parseLine reads a line of ss, which has the state in front unless there was a
// filter for one. ok is false for what is no connection.
func parseLine(line string) (l ssLine, ok bool) {
	fields := strings.Fields(line)
	for i := 0; i+1 < len(fields); i++ {
		local, err := parseEnd(fields[i])
		if err != nil {
			continue
		}
		peer, err := parseEnd(fields[i+1])
		if err != nil {
			return l, false
		}
		l.columns = fields[:i+2]
		l.rest = strings.Join(fields[i+2:], " ")
		l.wire = wire{local, peer}
		return l, true
	}
	return l, false
}

// header names the columns that a line of ss has.
func header(columns int) string {
	names := []string{"State", "Recv-Q", "Send-Q", "Local", "Peer"}
	if columns < len(names) {
		names = names[len(names)-columns:]
	}
	return strings.Join(names, "\t") + "\tClient"
}

// merge prints what ss listed, with the clients.
func merge(listing io.Reader, clients map[wire]netip.AddrPort, o options, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	scanner := bufio.NewScanner(listing)
	scanner.Buffer(nil, 1<<20)
	headed := o.noHeader
	for scanner.Scan() {
		line, ok := parseLine(scanner.Text())
		if !ok {
			continue
		}
		client, known := clients[line.wire]
		if !known && (!o.all || o.client.IsValid()) ||
			o.client.IsValid() && !o.client.Contains(client.Addr()) {
			continue
		}
		if !headed {
			fmt.Fprintln(table, header(len(line.columns)))
			headed = true
		}
		name := "-"
		if known {
			name = client.String()
		}
		fmt.Fprintf(table, "%s\t%s", strings.Join(line.columns, "\t"), name)
		if line.rest != "" {
			fmt.Fprintf(table, "\t%s", line.rest)
		}
		fmt.Fprintln(table)
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	return table.Flush()
}
