// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// keepSYNs has the sockets of processes in the cgroup that listen already keep
// SYNs, as the sockops program has those that begin to. It returns how many do
// now, and how many it could not reach: those still take options from the packet
// that completes the handshake.
func keepSYNs(cgroup string, top bool) (kept, left int) {
	processes := processesOf(cgroup, top)
	listening := map[string]bool{}
	seen := map[string]bool{}
	for _, dir := range processes {
		netns, err := os.Readlink(dir + "/ns/net")
		if err != nil || seen[netns] {
			continue
		}
		seen[netns] = true
		addListening(dir+"/net/tcp", listening)
		addListening(dir+"/net/tcp6", listening)
	}
	// A socket may belong to several processes.
	failed := map[string]bool{}
	for _, dir := range processes {
		kept += keepSYNsOf(dir, listening, failed)
	}
	if top {
		return kept, len(listening)
	}
	// The rest may belong to other cgroups.
	return kept, len(failed)
}

// processesOf returns the folders below /proc of the processes in a cgroup and
// below it.
func processesOf(cgroup string, top bool) []string {
	if top {
		all, _ := filepath.Glob("/proc/[0-9]*")
		return all
	}
	var dirs []string
	_ = filepath.WalkDir(cgroup, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != "cgroup.procs" {
			return nil
		}
		pids, _ := os.ReadFile(path)
		for _, pid := range strings.Fields(string(pids)) {
			dirs = append(dirs, "/proc/"+pid)
		}
		return nil
	})
	return dirs
}

// addListening adds the inodes of the sockets in a table of the kernel that
// listen.
func addListening(path string, listening map[string]bool) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	parseListening(file, listening)
}

func parseListening(r io.Reader, listening map[string]bool) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		// state and inode; one without an inode is the kernel's own
		fields := strings.Fields(lines.Text())
		if len(fields) >= 10 && fields[3] == "0A" && fields[9] != "0" {
			listening["socket:["+fields[9]+"]"] = true
		}
	}
}

// keepSYNsOf looks among the descriptors of a process, and takes those that it
// has done off the list.
func keepSYNsOf(dir string, listening, failed map[string]bool) (kept int) {
	pid, err := strconv.Atoi(filepath.Base(dir))
	if err != nil || len(listening) == 0 {
		return 0
	}
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return 0
	}
	for _, entry := range fds {
		target, err := os.Readlink(filepath.Join(dir, "fd", entry.Name()))
		if err != nil || !listening[target] {
			continue
		}
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || keepSYN(pid, fd) != nil {
			failed[target] = true
			continue
		}
		delete(listening, target)
		delete(failed, target)
		kept++
	}
	return kept
}

// keepSYN sets the option on a socket of another process, unless that did so.
func keepSYN(pid, fd int) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(process)
	sock, err := unix.PidfdGetfd(process, fd, 0)
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	set, err := unix.GetsockoptInt(sock, unix.SOL_TCP, unix.TCP_SAVE_SYN)
	if err != nil || set != 0 {
		return err
	}
	return unix.SetsockoptInt(sock, unix.SOL_TCP, unix.TCP_SAVE_SYN, 1)
}
