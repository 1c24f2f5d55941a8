// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockServer answers each connection with whom it sees, by every call that can
// tell, and by sockets that something was done to.
type sockServer struct {
	mptcp, fastopen, tls, sockmap, pass, splice, peerName, again bool
	deferSeconds                                                 int
	reuse                                                        netip.AddrPort
}

func sockaddrString(sa unix.Sockaddr) string {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)).String()
	}
	return fmt.Sprintf("%T", sa)
}

// nat64Peer asks by the socket option that DPVS's users know.
func nat64Peer(fd int) string {
	var peer [20]byte
	size := uint32(len(peer))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_IP, 4096,
		uintptr(unsafe.Pointer(&peer)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno.Error()
	}
	port := uint16(peer[16])<<8 | uint16(peer[17])
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(peer[:16])), port).String()
}

// peerName asks by SO_PEERNAME, which has no call of its own in C libraries. It
// takes no buffer that is larger than the address.
func peerName(fd int) string {
	const soPeerName = 28
	var raw [unix.SizeofSockaddrInet6]byte
	var errno unix.Errno
	for _, size := range []uint32{unix.SizeofSockaddrInet6, unix.SizeofSockaddrInet4} {
		_, _, errno = unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, soPeerName,
			uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 {
			return rawSockaddrString(raw[:])
		}
	}
	return strings.ReplaceAll(errno.Error(), " ", "_")
}

func (s *sockServer) listen(family int, port int) (int, error) {
	proto := 0
	if s.mptcp {
		proto = 262
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if s.fastopen {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_TCP, unix.TCP_FASTOPEN, 16))
	}
	if s.deferSeconds > 0 {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_TCP, unix.TCP_DEFER_ACCEPT, s.deferSeconds))
	}
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: port}
	if family == unix.AF_INET6 {
		sa = &unix.SockaddrInet6{Port: port}
	}
	err = errors.Join(err, unix.Bind(fd, sa), unix.Listen(fd, 1024))
	return fd, err
}

// pass sends a descriptor through a UNIX socket and returns what arrives.
func pass(fd int) (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(fd), nil, 0); err != nil {
		return -1, err
	}
	oob := make([]byte, 64)
	_, n, _, _, err := unix.Recvmsg(pair[1], make([]byte, 1), oob, 0)
	if err != nil {
		return -1, err
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return -1, err
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

// tlsKeys is struct tls12_crypto_info_aes_gcm_128, TLS 1.2, all keys zero: the
// other end of the lab has the same.
func tlsKeys() string {
	info := make([]byte, 40)
	info[0], info[1] = 0x03, 0x03
	info[2] = 51
	return string(info)
}

// enableTLS has the kernel do TLS on the socket.
func enableTLS(fd int) error {
	if err := unix.SetsockoptString(fd, unix.SOL_TCP, unix.TCP_ULP, "tls"); err != nil {
		return fmt.Errorf("TCP_ULP tls: %w", err)
	}
	const solTLS, tlsTX, tlsRX = 282, 1, 2
	for _, dir := range []int{tlsTX, tlsRX} {
		if err := unix.SetsockoptString(fd, solTLS, dir, tlsKeys()); err != nil {
			return fmt.Errorf("TLS keys: %w", err)
		}
	}
	return nil
}

// joinSockmap puts the socket into a BPF sockmap, which replaces its protocol's
// operations.
func joinSockmap(fd int) error {
	const mapCreate, mapUpdateElem, mapTypeSockmap = 0, 2, 15
	// Up to 5.10 all maps of a user count, also those of toa-bpf.
	unlimited := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unlimited); err != nil {
		return fmt.Errorf("raise the limit of locked memory: %w", err)
	}
	create := struct{ kind, key, value, entries, flags uint32 }{mapTypeSockmap, 4, 4, 1, 0}
	m, _, errno := unix.Syscall(unix.SYS_BPF, mapCreate, uintptr(unsafe.Pointer(&create)), unsafe.Sizeof(create))
	if errno != 0 {
		return fmt.Errorf("create a sockmap: %w", errno)
	}
	// The map goes with its descriptor, when the process ends.
	key, value := uint32(0), uint32(fd)
	update := struct {
		fd         uint32
		_          uint32
		key, value uint64
		flags      uint64
	}{uint32(m), 0, uint64(uintptr(unsafe.Pointer(&key))), uint64(uintptr(unsafe.Pointer(&value))), 0}
	_, _, errno = unix.Syscall(unix.SYS_BPF, mapUpdateElem, uintptr(unsafe.Pointer(&update)), unsafe.Sizeof(update))
	if errno != 0 {
		return fmt.Errorf("put a socket into a sockmap: %w", errno)
	}
	return nil
}

// request reads the client's line, through a pipe if splicing.
func (s *sockServer) request(fd int) error {
	buf := make([]byte, 256)
	if !s.splice {
		n, err := unix.Read(fd, buf)
		if err == nil && n == 0 {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	n, err := unix.Splice(fd, nil, p[1], nil, len(buf), 0)
	if err != nil || n == 0 {
		return fmt.Errorf("splice: %d bytes, %w", n, err)
	}
	_, err = unix.Read(p[0], buf[:n])
	return err
}

func (s *sockServer) prepare(fd int) (int, error) {
	if s.tls {
		if err := enableTLS(fd); err != nil {
			return fd, err
		}
	}
	if s.sockmap {
		if err := joinSockmap(fd); err != nil {
			return fd, err
		}
	}
	if s.pass {
		passed, err := pass(fd)
		if err != nil {
			return fd, err
		}
		unix.Close(fd)
		fd = passed
	}
	return fd, nil
}

// reconnect disconnects the socket once its client is gone, connects it to
// somebody else, and says who that is by getpeername().
func (s *sockServer) reconnect(fd int) (string, error) {
	if _, err := unix.Read(fd, make([]byte, 1)); err != nil {
		return "", err
	}
	unspec := [16]byte{} // AF_UNSPEC
	if _, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&unspec)), 16); errno != 0 {
		return "", fmt.Errorf("disconnect: %w", errno)
	}
	to := &unix.SockaddrInet4{Addr: s.reuse.Addr().As4(), Port: int(s.reuse.Port())}
	if err := unix.Connect(fd, to); err != nil {
		return "", fmt.Errorf("connect again: %w", err)
	}
	sa, err := unix.Getpeername(fd)
	return sockaddrString(sa), err
}

// serve answers one connection.
func (s *sockServer) serve(fd int, accepted string) error {
	fd, err := s.prepare(fd)
	defer func() { unix.Close(fd) }()
	if err != nil {
		return err
	}
	if err := s.answer(fd, accepted); err != nil {
		return err
	}
	if s.again {
		err = s.answer(fd, accepted)
	}
	if err == nil && s.reuse.IsValid() {
		var peer string
		peer, err = s.reconnect(fd)
		fmt.Printf("reused=%s\n", peer)
	}
	return err
}

// answer answers one request with whom the connection is from.
func (s *sockServer) answer(fd int, accepted string) error {
	if err := s.request(fd); err != nil {
		return err
	}
	if s.peerName {
		accepted = peerName(fd)
	}
	peer := "none"
	sa, err := unix.Getpeername(fd)
	if err == nil {
		peer = sockaddrString(sa)
	}
	_, err = unix.Write(fd, fmt.Appendf(nil, "accept=%s peer=%s nat64=%s\n", accepted, peer,
		strings.ReplaceAll(nat64Peer(fd), " ", "_")))
	return err
}

func acceptPlain(listener int) (int, string, error) {
	fd, sa, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	return fd, sockaddrString(sa), err
}

func runSockServe(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("sockserve", flag.ContinueOnError)
	var s sockServer
	port := fs.Int("port", 7000, "to listen on")
	v6 := fs.Bool("6", false, "an AF_INET6 socket, for both families")
	fs.BoolVar(&s.mptcp, "mptcp", false, "listen for MPTCP")
	fs.BoolVar(&s.fastopen, "fastopen", false, "accept data on the SYN")
	fs.BoolVar(&s.tls, "tls", false, "let the kernel do TLS")
	fs.BoolVar(&s.sockmap, "sockmap", false, "put connections into a BPF sockmap")
	fs.BoolVar(&s.pass, "pass", false, "pass the descriptor through a UNIX socket first")
	fs.BoolVar(&s.splice, "splice", false, "read by splice()")
	fs.BoolVar(&s.peerName, "peername", false, "ask by SO_PEERNAME, in place of what accept() gave")
	fs.BoolVar(&s.again, "again", false, "answer a second request, too")
	uringToo := fs.Bool("uring", false, "accept by io_uring")
	fs.IntVar(&s.deferSeconds, "defer", 0, "TCP_DEFER_ACCEPT")
	fs.Func("reuse", "disconnect the socket behind the answer, and connect it to this IPv4 ADDRESS:PORT", func(v string) (err error) {
		s.reuse, err = netip.ParseAddrPort(v)
		return err
	})
	if _, err := parseFlags(fs, args, 0); err != nil {
		return err
	}
	family := unix.AF_INET
	if *v6 {
		family = unix.AF_INET6
	}
	listener, err := s.listen(family, *port)
	if err != nil {
		return err
	}
	accept := acceptPlain
	if *uringToo {
		// What the ring's requests still have to do, the thread that made them does.
		runtime.LockOSThread()
		u, err := newUring()
		if err != nil {
			return err
		}
		accept = u.accept
	}
	fmt.Fprintln(out, "READY")
	for {
		fd, accepted, err := accept(listener)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
			continue
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go func() {
			if err := s.serve(fd, accepted); err != nil {
				fmt.Fprintf(out, "connection: %v\n", err)
			}
		}()
	}
}
