// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// fetcher makes transfers of one size with one server, each on a connection of
// its own.
type fetcher struct {
	url    string
	size   int64
	client *http.Client
}

type fetchReport struct {
	Transfers int      `json:"transfers"`
	OK        int      `json:"ok"`
	Failed    int      `json:"failed"`
	Bytes     int64    `json:"bytes"`
	Seconds   float64  `json:"seconds"`
	Errors    []string `json:"errors,omitempty"`
}

func hashOf(r io.Reader) ([]byte, int64, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, r)
	return hash.Sum(nil), n, err
}

// down fetches the stream of a seed and compares it with the one made here.
func (f *fetcher) down(ctx context.Context, seed uint64) error {
	url := fmt.Sprintf("%s/bytes/%d?seed=%d", f.url, f.size, seed)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", url, resp.Status)
	}
	got, n, err := hashOf(resp.Body)
	if err != nil {
		return fmt.Errorf("get %s: after %d bytes: %w", url, n, err)
	}
	want, _, _ := hashOf(streamReader(seed, f.size))
	if n != f.size || !bytes.Equal(got, want) {
		return fmt.Errorf("get %s: %d bytes with hash %x, expected %d with %x", url, n, got, f.size, want)
	}
	return nil
}

// up sends the stream of a seed and compares the hash that the server saw.
func (f *fetcher) up(ctx context.Context, seed uint64) error {
	url := f.url + "/sha256"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, streamReader(seed, f.size))
	if err != nil {
		return err
	}
	req.ContentLength = f.size
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("post %s: %w", url, err)
	}
	sum, _, _ := hashOf(streamReader(seed, f.size))
	if want := fmt.Sprintf("%x\n", sum); resp.StatusCode != http.StatusOK || string(body) != want {
		return fmt.Errorf("post %s: %s, server has hash %q, expected %q", url, resp.Status, body, want)
	}
	return nil
}

// run makes n transfers at once in every direction that is asked for.
func (f *fetcher) run(ctx context.Context, n int, directions []func(context.Context, uint64) error) fetchReport {
	var (
		mu     sync.Mutex
		wg     sync.WaitGroup
		report fetchReport
	)
	start := time.Now()
	for i := range n {
		for d, transfer := range directions {
			wg.Go(func() {
				err := transfer(ctx, uint64(i*2+d+1))
				mu.Lock()
				defer mu.Unlock()
				report.Transfers++
				if err != nil {
					report.Failed++
					report.Errors = append(report.Errors, err.Error())
					return
				}
				report.OK++
				report.Bytes += f.size
			})
		}
	}
	wg.Wait()
	report.Seconds = time.Since(start).Seconds()
	return report
}

func newFetcher(url, bind string, size int64) (*fetcher, error) {
	local, err := parseBind(bind)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{LocalAddr: tcpBind(local), KeepAlive: noKeepAlive}
	return &fetcher{
		url:  strings.TrimSuffix(url, "/"),
		size: size,
		client: &http.Client{Transport: &http.Transport{
			DialContext:        dialer.DialContext,
			DisableKeepAlives:  true,
			DisableCompression: true,
		}},
	}, nil
}

func runFetch(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("fetch", flag.ContinueOnError)
	parallel := fs.Int("parallel", 1, "transfers at once, in each direction")
	sizeArg := fs.String("size", "1M", "bytes of a transfer")
	direction := fs.String("direction", "both", "down, up or both")
	bind := fs.String("bind", "", "local address")
	timeout := fs.Duration("timeout", patience(time.Minute), "for everything")
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	size, err := parseSize(*sizeArg)
	if err != nil {
		return err
	}
	f, err := newFetcher(rest[0], *bind, size)
	if err != nil {
		return err
	}
	var directions []func(context.Context, uint64) error
	switch *direction {
	case "down":
		directions = append(directions, f.down)
	case "up":
		directions = append(directions, f.up)
	case "both":
		directions = append(directions, f.down, f.up)
	default:
		return fmt.Errorf("direction %q is not down, up or both", *direction)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	report := f.run(ctx, *parallel, directions)
	if err := printJSON(out, report); err != nil {
		return err
	}
	if report.Failed > 0 {
		return fmt.Errorf("%d of %d transfers failed", report.Failed, report.Transfers)
	}
	return nil
}
