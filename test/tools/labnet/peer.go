// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"time"
)

// runPeer prints what the server's greeting says: who answers, whom it sees, and
// at which of its addresses.
func runPeer(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("peer", flag.ContinueOnError)
	bind := fs.String("bind", "", "local address, with or without a port")
	timeout := fs.Duration("timeout", patience(5*time.Second), "for everything")
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	f, err := newFetcher("http://"+rest[0], *bind, 0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/", nil)
	if err != nil {
		return err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", f.url, resp.Status)
	}
	_, err = io.Copy(out, resp.Body)
	return err
}
