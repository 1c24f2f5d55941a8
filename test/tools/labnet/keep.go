// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// keepReport says how connections fared that were in use all the time.
type keepReport struct {
	Conns    int            `json:"conns"`
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Errors   map[string]int `json:"errors,omitempty"`
}

// keepOne makes a request on conn in every interval until ctx is done or one
// fails, but at least one; it returns how many went well.
func keepOne(ctx context.Context, conn net.Conn, interval, timeout time.Duration) (int, error) {
	for done := 0; ; done++ {
		select {
		case <-ctx.Done():
			if done > 0 {
				return done, nil
			}
		case <-time.After(interval):
		}
		if _, err := greet(conn, timeout, false); err != nil {
			return done, err
		}
	}
}

// keepAll does so on all connections at once.
func keepAll(ctx context.Context, conns []net.Conn, interval, timeout time.Duration) keepReport {
	var (
		mu     sync.Mutex
		wg     sync.WaitGroup
		report = keepReport{Conns: len(conns), Errors: map[string]int{}}
	)
	for _, conn := range conns {
		wg.Go(func() {
			done, err := keepOne(ctx, conn, interval, timeout)
			mu.Lock()
			defer mu.Unlock()
			report.Requests += done
			if err != nil {
				report.Failed++
				report.Errors[rootCause(err)]++
			}
		})
	}
	wg.Wait()
	return report
}

// runKeep opens connections, says READY, and uses them until SIGTERM: for what
// must not disturb connections that live.
func runKeep(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("keep", flag.ContinueOnError)
	o := opener{request: true}
	n := fs.Int("n", 4, "connections")
	interval := fs.Duration("interval", 50*time.Millisecond, "between two requests on a connection")
	bind := fs.String("bind", "", "local address; with a port: count up from it")
	fs.DurationVar(&o.timeout, "timeout", patience(5*time.Second), "for each request")
	fs.BoolVar(&o.reset, "reset", false, "end them by RST")
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	if o.bind, err = parseBind(*bind); err != nil {
		return err
	}
	o.target = rest[0]
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	conns, opened := o.openAll(ctx, *n, *n, true)
	if opened.Failed > 0 {
		return errors.Join(fmt.Errorf("%d of %d connections failed", opened.Failed, *n), printJSON(out, opened))
	}
	fmt.Fprintf(out, "READY %d connections\n", len(conns))
	report := keepAll(ctx, conns, *interval, o.timeout)
	for _, conn := range conns {
		conn.Close()
	}
	if err := printJSON(out, report); err != nil {
		return err
	}
	if report.Failed > 0 || report.Requests < *n {
		return fmt.Errorf("%d of %d connections failed, %d requests answered", report.Failed, *n, report.Requests)
	}
	return nil
}
