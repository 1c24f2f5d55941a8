// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// oldest is the first kernel that shows packets to sockops programs.
const oldest = "5.10"

// checkCapabilities names what the caller lacks of what loading needs.
func checkCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("own capabilities: %w", err)
	}
	effective := uint64(data[0].Effective) | uint64(data[1].Effective)<<32
	if missing := missingCapabilities(effective); len(missing) > 0 {
		return fmt.Errorf("missing capability: %s (run it as root)", strings.Join(missing, ", "))
	}
	return nil
}

func missingCapabilities(effective uint64) []string {
	has := func(c uint) bool { return effective&(1<<c) != 0 }
	var missing []string
	for _, c := range []struct {
		number uint
		name   string
		admin  bool // CAP_SYS_ADMIN does as well
	}{
		{unix.CAP_BPF, "CAP_BPF", true},
		{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN", false},
		{unix.CAP_PERFMON, "CAP_PERFMON", true},
	} {
		if !has(c.number) && !(c.admin && has(unix.CAP_SYS_ADMIN)) {
			missing = append(missing, c.name)
		}
	}
	return missing
}

// mount is a line of /proc/self/mountinfo.
type mount struct {
	root, point, kind string
}

func parseMounts(r io.Reader) ([]mount, error) {
	var mounts []mount
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		front, back, ok := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(front)
		kind, _, _ := strings.Cut(back, " ")
		if ok && len(fields) >= 5 {
			mounts = append(mounts, mount{unescape(fields[3]), unescape(fields[4]), kind})
		}
	}
	return mounts, lines.Err()
}

// unescape undoes what the kernel does with blanks in paths.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

var errNoCgroup2 = errors.New("cgroup2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup, or name a folder with --cgroup")

// findCgroup2 returns where the root of the cgroup2 hierarchy is mounted.
func findCgroup2(mounts []mount) (string, error) {
	for _, m := range mounts {
		if m.kind == "cgroup2" && m.root == "/" {
			return m.point, nil
		}
	}
	return "", errNoCgroup2
}

func rootCgroup() (string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer file.Close()
	mounts, err := parseMounts(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file.Name(), err)
	}
	return findCgroup2(mounts)
}

// checkCgroup makes sure that it is a folder of a cgroup2 hierarchy.
func checkCgroup(path string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return fmt.Errorf("cgroup %s: %w", path, err)
	}
	if fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return fmt.Errorf("%s is no folder of cgroup2", path)
	}
	return nil
}

// bpfFS is where the kernel's BPF objects have names.
const bpfFS = "/sys/fs/bpf"

func checkBPFFS() error {
	var fs unix.Statfs_t
	err := unix.Statfs(bpfFS, &fs)
	if err == nil && fs.Type == unix.BPF_FS_MAGIC {
		return nil
	}
	return fmt.Errorf("no BPF file system on %s: mount -t bpf bpf %s", bpfFS, bpfFS)
}

func moduleLoaded() bool {
	_, err := os.Stat("/sys/module/toa")
	return err == nil
}

// kernelRelease is that of uname(1).
func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// olderThan compares the first two numbers of kernel versions.
func olderThan(release, version string) bool {
	number := func(s string) (major, minor int) {
		fmt.Sscanf(s, "%d.%d", &major, &minor)
		return major, minor
	}
	aMajor, aMinor := number(release)
	bMajor, bMinor := number(version)
	return aMajor < bMajor || aMajor == bMajor && aMinor < bMinor
}

// inode of a file: for a cgroup, the number that the kernel has for it.
func inode(path string) uint64 {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return 0
	}
	return st.Ino
}
