// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// uring is an io_uring that accepts connections, one at a time. Offsets and
// operations are those of linux/io_uring.h.
type uring struct {
	fd            int
	sq, cq, sqes  []byte
	params        uringParams
	addr, addrLen []byte // written by the kernel: no memory of Go's
}

type uringParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	_                                                                      [3]uint32

	sqHead, sqTail, sqMask, sqRingEntries, sqFlags, sqDropped, sqArray, _ uint32
	_                                                                     uint64

	cqHead, cqTail, cqMask, cqRingEntries, cqOverflow, cqEntry, cqFlags, _ uint32
	_                                                                      uint64
}

const (
	uringSQRing, uringCQRing, uringSQEs = 0, 0x8000000, 0x10000000
	uringSQESize, uringCQESize          = 64, 16
	uringOpAccept                       = 13
	uringGetEvents                      = 1
)

func newUring() (*uring, error) {
	u := &uring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&u.params)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w", errno)
	}
	u.fd = int(fd)
	p := &u.params
	maps := []struct {
		to     *[]byte
		offset int64
		size   uint32
	}{
		{&u.sq, uringSQRing, p.sqArray + p.sqEntries*4},
		{&u.cq, uringCQRing, p.cqEntry + p.cqEntries*uringCQESize},
		{&u.sqes, uringSQEs, p.sqEntries * uringSQESize},
	}
	var err error
	for _, m := range maps {
		*m.to, err = unix.Mmap(u.fd, m.offset, int(m.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			return nil, fmt.Errorf("io_uring: mmap: %w", err)
		}
	}
	own, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("io_uring: mmap: %w", err)
	}
	u.addr, u.addrLen = own[:unix.SizeofSockaddrAny], own[1024:1028]
	return u, nil
}

// accept waits for a connection, with the peer's address in the same request.
// Only system calls stand between our stores and the kernel's loads.
func (u *uring) accept(listener int) (int, string, error) {
	binary.NativeEndian.PutUint32(u.addrLen, uint32(len(u.addr)))
	sqe := u.sqes[:uringSQESize]
	clear(sqe)
	sqe[0] = uringOpAccept
	binary.NativeEndian.PutUint32(sqe[4:], uint32(listener))
	binary.NativeEndian.PutUint64(sqe[8:], uint64(uintptr(unsafe.Pointer(&u.addrLen[0]))))
	binary.NativeEndian.PutUint64(sqe[16:], uint64(uintptr(unsafe.Pointer(&u.addr[0]))))
	binary.NativeEndian.PutUint32(sqe[28:], unix.SOCK_CLOEXEC)
	p := &u.params
	// One entry: its index is 0, and so is each slot's of the array.
	tail := u.sq[p.sqTail:]
	binary.NativeEndian.PutUint32(tail, binary.NativeEndian.Uint32(tail)+1)
	submit := uintptr(1)
	for {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(u.fd), submit, 1, uringGetEvents, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return -1, "", fmt.Errorf("io_uring_enter: %w", errno)
		}
		if errno == 0 {
			submit -= n
		}
		head, done := u.cq[p.cqHead:], binary.NativeEndian.Uint32(u.cq[p.cqTail:])
		at := binary.NativeEndian.Uint32(head)
		if at == done {
			continue
		}
		mask := binary.NativeEndian.Uint32(u.cq[p.cqMask:])
		result := int32(binary.NativeEndian.Uint32(u.cq[p.cqEntry+(at&mask)*uringCQESize+8:]))
		binary.NativeEndian.PutUint32(head, at+1)
		if result < 0 {
			return -1, "", unix.Errno(-result)
		}
		return int(result), rawSockaddrString(u.addr), nil
	}
}

// rawSockaddrString reads a struct sockaddr_in or sockaddr_in6.
func rawSockaddrString(raw []byte) string {
	port := binary.BigEndian.Uint16(raw[2:])
	switch family := binary.NativeEndian.Uint16(raw); family {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:])), port).String()
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(raw[8:])), port).String()
	default:
		return fmt.Sprintf("family %d", family)
	}
}
