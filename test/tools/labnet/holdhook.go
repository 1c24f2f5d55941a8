// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bpfCall is bpf(2); what it returns is a descriptor or nothing.
func bpfCall(cmd int, attr unsafe.Pointer, size uintptr) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(cmd), uintptr(attr), size)
	if errno != 0 {
		return -1, fmt.Errorf("bpf command %d: %w", cmd, errno)
	}
	return int(fd), nil
}

// loadSomebody loads a program, named somebody, that lets all answers to
// getpeername() be as they are.
func loadSomebody() (int, error) {
	instructions := [2]uint64{0x1_0000_00b7, 0x95} // r0 = 1; exit
	license := [4]byte{'G', 'P', 'L'}
	attr := struct {
		kind, count           uint32
		instructions, license *byte
		logLevel, logSize     uint32
		log                   uint64
		version, flags        uint32
		name                  [16]byte
		ifindex, attachType   uint32
	}{
		kind: unix.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, count: uint32(len(instructions)),
		instructions: (*byte)(unsafe.Pointer(&instructions)), license: &license[0],
		attachType: unix.BPF_CGROUP_INET4_GETPEERNAME,
	}
	copy(attr.name[:], "somebody")
	return bpfCall(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
}

// runHoldHook has a program of its own at the hook for getpeername() of a
// cgroup, in the way that lets nobody else in, until SIGTERM.
func runHoldHook(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("holdhook", flag.ContinueOnError)
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	cgroup, err := os.Open(rest[0])
	if err != nil {
		return err
	}
	defer cgroup.Close()
	prog, err := loadSomebody()
	if err != nil {
		return err
	}
	attr := struct{ target, prog, attachType, flags uint32 }{
		uint32(cgroup.Fd()), uint32(prog), unix.BPF_CGROUP_INET4_GETPEERNAME, 0}
	if _, err := bpfCall(unix.BPF_PROG_ATTACH, unsafe.Pointer(&attr), unsafe.Sizeof(attr)); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	fmt.Fprintln(out, "READY")
	<-ctx.Done()
	_, err = bpfCall(unix.BPF_PROG_DETACH, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	return err
}
