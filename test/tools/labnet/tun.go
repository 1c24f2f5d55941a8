// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// openTun attaches to a TUN device of several queues, which must exist: what is
// written arrives on it as received packets.
func openTun(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return nil, fmt.Errorf("attach to %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// runningTimeout is how long a device may take to come up.
const runningTimeout = 20 * time.Second

// waitRunning waits for the kernel to notice that somebody has attached to the
// device: until then it drops what it is to send there.
func waitRunning(tun *os.File, dev string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for deadline := time.Now().Add(runningTimeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		req, err := unix.NewIfreq(dev)
		if err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
			return fmt.Errorf("flags of %s: %w", dev, err)
		}
		if req.Uint16()&unix.IFF_RUNNING != 0 {
			return waitQueue(tun)
		}
	}
	return fmt.Errorf("%s does not come up", dev)
}

// waitQueue: the kernel switches the queue on behind the flag, in one go under
// the lock that any question about the device waits for.
func waitQueue(tun *os.File) error {
	raw, err := tun.SyscallConn()
	if err != nil {
		return err
	}
	req := unix.Ifreq{}
	var ioctlErr error
	if err := raw.Control(func(fd uintptr) { ioctlErr = unix.IoctlIfreq(int(fd), unix.TUNGETIFF, &req) }); err != nil {
		return err
	}
	if ioctlErr != nil {
		return fmt.Errorf("ask a TUN device for its name: %w", ioctlErr)
	}
	return nil
}
