// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// server is the real server's side. One instance serves all its ports on both
// families.
type server struct {
	name string
	mux  *http.ServeMux
}

func newServer(name string) *server {
	s := &server{name: name, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /{$}", s.serveHello)
	s.mux.HandleFunc("GET /bytes/{size}", s.serveBytes)
	s.mux.HandleFunc("POST /sha256", s.serveHash)
	return s
}

// serveHello says who answers and whom it sees.
func (s *server) serveHello(w http.ResponseWriter, r *http.Request) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	fmt.Fprintf(w, "%s peer=%s local=%v\n", s.name, plainAddr(r.RemoteAddr), plainAddr(local.String()))
}

// serveBytes sends size bytes of the stream of the seed that is asked for.
func (s *server) serveBytes(w http.ResponseWriter, r *http.Request) {
	size, err := parseSize(r.PathValue("size"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	seed, err := strconv.ParseUint(r.FormValue("seed"), 10, 64)
	if err != nil {
		http.Error(w, "seed: "+err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	// An error here is the client's going away; it is the client that judges.
	_, _ = io.Copy(w, streamReader(seed, size))
}

// serveHash answers with the hash of what it is sent.
func (s *server) serveHash(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%x\n", hash.Sum(nil))
}

// serveUDP echoes datagrams of any size until conn is closed. Replies leave from
// the socket's own address: real servers have one per family.
func (s *server) serveUDP(conn *net.UDPConn) error {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		// ICMP errors about earlier replies surface here; they concern
		// one client and not the server.
		if err != nil {
			continue
		}
		_, _ = conn.WriteToUDPAddrPort(buf[:n], from)
	}
}

// plainAddr writes an IPv4 peer of a dual-stack socket as IPv4.
func plainAddr(s string) string {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return s
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()).String()
}

// listen opens all ports; start the servers only when every one is open.
func (s *server) listen(ctx context.Context, tcp, udp []uint16) ([]net.Listener, []*net.UDPConn, error) {
	lc := net.ListenConfig{KeepAlive: noKeepAlive}
	var listeners []net.Listener
	var conns []*net.UDPConn
	for _, port := range tcp {
		l, err := lc.Listen(ctx, "tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return nil, nil, fmt.Errorf("listen on TCP port %d: %w", port, err)
		}
		listeners = append(listeners, l)
	}
	for _, port := range udp {
		c, err := lc.ListenPacket(ctx, "udp", fmt.Sprintf(":%d", port))
		if err != nil {
			return nil, nil, fmt.Errorf("listen on UDP port %d: %w", port, err)
		}
		conn, ok := c.(*net.UDPConn)
		if !ok {
			return nil, nil, fmt.Errorf("listen on UDP port %d: got a %T", port, c)
		}
		// Bursts of fragments are what the tests send.
		_ = conn.SetReadBuffer(4 << 20)
		conns = append(conns, conn)
	}
	return listeners, conns, nil
}

func runServe(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	name := fs.String("name", "server", "what to answer with")
	tcp := fs.String("tcp", "80,8080", "TCP ports")
	udp := fs.String("udp", "53,5353", "UDP ports")
	if _, err := parseFlags(fs, args, 0); err != nil {
		return err
	}
	tcpPorts, err := parsePorts(*tcp)
	if err != nil {
		return err
	}
	udpPorts, err := parsePorts(*udp)
	if err != nil {
		return err
	}
	s := newServer(*name)
	listeners, conns, err := s.listen(context.Background(), tcpPorts, udpPorts)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "READY %s tcp %s udp %s\n", *name, *tcp, *udp)

	failed := make(chan error)
	hs := &http.Server{Handler: s.mux, ReadHeaderTimeout: time.Hour}
	for _, l := range listeners {
		go func() { failed <- hs.Serve(l) }()
	}
	for _, c := range conns {
		go func() { failed <- s.serveUDP(c) }()
	}
	return <-failed
}
