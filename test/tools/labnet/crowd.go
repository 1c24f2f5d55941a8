// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// slowPage is memory that whoever reads it, the kernel included, waits for.
type slowPage struct {
	uffd int
	mem  []byte
}

// newSlowPage makes one with userfaultfd(); the numbers are those of
// linux/userfaultfd.h.
func newSlowPage() (*slowPage, error) {
	uffd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("userfaultfd: %w", errno)
	}
	api := [3]uint64{0xaa}
	mem, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	p := &slowPage{int(uffd), mem}
	missing := p.request(1)
	return p, errors.Join(p.ioctl(0xc018aa3f, unsafe.Pointer(&api)), p.ioctl(0xc020aa00, unsafe.Pointer(&missing)))
}

// request is what most requests begin with: the page, and a mode.
func (p *slowPage) request(mode uint64) [4]uint64 {
	return [4]uint64{uint64(uintptr(unsafe.Pointer(&p.mem[0]))), uint64(len(p.mem)), mode}
}

func (p *slowPage) ioctl(request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(p.uffd), request, uintptr(arg)); errno != 0 {
		return fmt.Errorf("userfaultfd: request %#x: %w", request, errno)
	}
	return nil
}

// waited returns when somebody waits for the page.
func (p *slowPage) waited() error {
	_, err := unix.Read(p.uffd, make([]byte, 32))
	return err
}

// come lets them go on.
func (p *slowPage) come() error {
	zero := p.request(0)
	return p.ioctl(0xc020aa04, unsafe.Pointer(&zero))
}

// blocked is how many threads of ours sleep in the kernel and cannot be woken up.
func blocked() (int, error) {
	paths, err := filepath.Glob("/proc/self/task/*/stat")
	n := 0
	for _, path := range paths {
		// One that has ended meanwhile is none.
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte(") D ")) {
			n++
		}
	}
	return n, err
}

// blockingPeer asks by getpeername(), which Go believes never to sleep, as a user.
func blockingPeer(fd, uid int) string {
	if uid != 0 {
		// This thread, which ends with its goroutine.
		runtime.LockOSThread()
		if _, _, errno := unix.RawSyscall(unix.SYS_SETUID, uintptr(uid), 0, 0); errno != 0 {
			return errno.Error()
		}
	}
	var raw [unix.SizeofSockaddrInet6]byte
	size := uint32(len(raw))
	_, _, errno := unix.Syscall(unix.SYS_GETPEERNAME, uintptr(fd),
		uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return errno.Error()
	}
	return rawSockaddrString(raw[:])
}

// acceptOne says whom accept() gave.
func acceptOne(port int, out io.Writer) (int, string, error) {
	listener, err := (&sockServer{}).listen(unix.AF_INET, port)
	if err != nil {
		return -1, "", err
	}
	fmt.Fprintln(out, "READY")
	var fd int
	var accepted string
	err = uninterrupted(func() (err error) {
		fd, accepted, err = acceptPlain(listener)
		return err
	})
	return fd, accepted, err
}

// crowd has n threads of a user ask for the peer of the socket while another one
// holds its lock, as send() does while it waits for memory. Answers come behind
// release.
func crowd(fd, n, uid int, page *slowPage, release func()) ([]string, error) {
	go func() { _, _ = unix.Write(fd, page.mem) }()
	if err := page.waited(); err != nil {
		return nil, err
	}
	answers := make(chan string)
	for range n {
		go func() { answers <- blockingPeer(fd, uid) }()
	}
	for asleep := 0; asleep < n; time.Sleep(50 * time.Millisecond) {
		var err error
		if asleep, err = blocked(); err != nil {
			return nil, err
		}
	}
	release()
	if err := page.come(); err != nil {
		return nil, err
	}
	var all []string
	for range n {
		all = append(all, <-answers)
	}
	return all, nil
}

func runCrowd(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("crowd", flag.ContinueOnError)
	port := fs.Int("port", 7000, "to listen on, for one IPv4 connection")
	n := fs.Int("n", 300, "threads that ask")
	uid := fs.Int("uid", 0, "whose they are")
	until := fs.String("until", "", "the socket is free when this file is there")
	if _, err := parseFlags(fs, args, 0); err != nil {
		return err
	}
	// It would have threads stop that cannot.
	debug.SetGCPercent(-1)
	page, err := newSlowPage()
	if err != nil {
		return err
	}
	fd, accepted, err := acceptOne(*port, out)
	if err != nil {
		return err
	}
	answers, err := crowd(fd, *n, *uid, page, func() {
		fmt.Fprintln(out, "WAITING")
		waitForFile(*until)
	})
	if err != nil {
		return err
	}
	told := 0
	for _, answer := range answers {
		if answer == accepted {
			told++
		}
	}
	return printJSON(out, map[string]int{"asked": len(answers), "told": told})
}
