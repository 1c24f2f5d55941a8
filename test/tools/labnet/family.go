// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

// familyQueries is what of the netlink family IPVS_FULLNAT no option of
// ipvsadm-go shows.
var familyQueries = map[string]func(context.Context, *np.Client, io.Writer) error{
	"conns": func(ctx context.Context, c *np.Client, out io.Writer) error {
		for conn, err := range c.Conns(ctx) {
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%v %v %v %v %v %v\n", conn.Protocol, conn.Client, conn.Virtual, conn.Local, conn.Real, conn.Expires)
		}
		return nil
	},
	"counters": func(ctx context.Context, c *np.Client, out io.Writer) error {
		counters, err := c.ListCounters(ctx)
		for _, counter := range counters {
			fmt.Fprintf(out, "%s %d\n", counter.Name, counter.Value)
		}
		return err
	},
	"info": func(ctx context.Context, c *np.Client, out io.Writer) error {
		info, err := c.FullNATInfo(ctx)
		if err != nil {
			return err
		}
		return printJSON(out, info)
	},
	"drain": func(ctx context.Context, c *np.Client, out io.Writer) error {
		n, err := c.DrainFullNAT(ctx)
		if err == nil {
			fmt.Fprintln(out, n)
		}
		return err
	},
}

func runFamily(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("family", flag.ContinueOnError)
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	query, ok := familyQueries[rest[0]]
	if !ok {
		return fmt.Errorf("no query %q", rest[0])
	}
	ctx := context.Background()
	c, err := np.Dial(ctx)
	if err != nil {
		return err
	}
	return errors.Join(query(ctx, c, out), c.Close())
}
