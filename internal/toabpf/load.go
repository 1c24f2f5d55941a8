// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// pinDir has the names of what is loaded; it is there when, and only when,
// something is.
const pinDir = bpfFS + "/toa"

// mptcpPin is there when MPTCP is served.
const mptcpPin = "msks"

// Options are those of loading.
type Options struct {
	Config
	Cgroup       string // "" for the root of the hierarchy
	NAT64        bool
	NoSYN        bool // do not look into SYNs
	BesideModule bool // load although the module is there
}

// hook is a place where a program is called.
type hook struct {
	name   string
	attach ebpf.AttachType
	of     func(*objects) *ebpf.Program
}

// hooks in the order in which they are taken: who asks is answered before
// anything is learned.
var hooks = []hook{
	{"getsockopt", ebpf.AttachCGroupGetsockopt, func(o *objects) *ebpf.Program { return o.GetSockOpt }},
	{"getpeername4", ebpf.AttachCgroupInet4GetPeername, func(o *objects) *ebpf.Program { return o.PeerName4 }},
	{"getpeername6", ebpf.AttachCgroupInet6GetPeername, func(o *objects) *ebpf.Program { return o.PeerName6 }},
	{"sockops", ebpf.AttachCGroupSockOps, func(o *objects) *ebpf.Program { return o.SockOps }},
}

// Loaded is what Load has to tell.
type Loaded struct {
	Cgroup   string
	WholeTop bool // it is the root of all cgroups
	Module   bool // the module is loaded, too
	// Sockets that listened before: SYNs are kept by so many, and not by others.
	Listeners, ListenersLeft int
}

// ErrLoaded is returned when there is something that is loaded already.
var ErrLoaded = errors.New("already loaded; \"toa-bpf set\" changes settings, \"toa-bpf unload\" unloads")

// Load loads the programs and leaves them to the kernel. When it fails nothing
// has changed.
func Load(o Options) (*Loaded, error) {
	done := &Loaded{Cgroup: o.Cgroup, Module: moduleLoaded()}
	if err := checkCapabilities(); err != nil {
		return nil, err
	}
	if done.Module && !o.BesideModule {
		return nil, errors.New("the module toa is loaded and does the same: rmmod toa first, or --beside-module")
	}
	var err error
	if done.Cgroup == "" {
		if done.Cgroup, err = rootCgroup(); err != nil {
			return nil, err
		}
	}
	if err := checkCgroup(done.Cgroup); err != nil {
		return nil, err
	}
	if err := checkBPFFS(); err != nil {
		return nil, err
	}
	done.WholeTop = inode(done.Cgroup) == 1
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, explainMemlock(err)
	}
	objs, err := loadObjects(o)
	if err != nil {
		return nil, explainLoad(err)
	}
	defer objs.close()
	if err := install(objs, o, done.Cgroup); err != nil {
		return nil, err
	}
	if !o.NoSYN {
		done.Listeners, done.ListenersLeft = keepSYNs(done.Cgroup, done.WholeTop)
	}
	return done, nil
}

// explainMemlock: up to 5.10 maps count as locked memory, of which there is a
// limit. Later ones only ask for that limit when they refuse BPF altogether.
func explainMemlock(err error) error {
	if olderThan(kernelRelease(), "5.11") {
		return fmt.Errorf("missing capability: CAP_SYS_RESOURCE, to lock memory on this kernel: %w", err)
	}
	return explainLoad(err)
}

// explainLoad says what is behind the kernel's refusal.
func explainLoad(err error) error {
	release := kernelRelease()
	switch {
	case olderThan(release, oldest):
		return fmt.Errorf("kernel %s is too old, it takes %s: %w", release, oldest, err)
	case errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("kernel %s is without CONFIG_BPF_SYSCALL: %w", release, err)
	case inode("/sys/kernel/btf/vmlinux") == 0:
		return fmt.Errorf("kernel %s does not describe its types (CONFIG_DEBUG_INFO_BTF): %w", release, err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("the kernel refuses BPF programs, as it does in user namespaces and under lockdown: %w", err)
	}
	return err
}

// install gives everything a name and takes the hooks, or leaves nothing.
func install(objs *objects, o Options, cgroup string) (err error) {
	if err := writeConfig(objs.Settings, objs.Trusted, o.Config); err != nil {
		return err
	}
	// Only one of two that load at a time gets past this.
	switch err := os.Mkdir(pinDir, 0o700); {
	case errors.Is(err, os.ErrExist):
		return ErrLoaded
	case err != nil:
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll())
		}
	}()
	pins := map[string]interface{ Pin(string) error }{
		"conns": objs.Conns, "settings": objs.Settings, "trusted": objs.Trusted,
		"counters": objs.Counters, "list": objs.List,
	}
	if objs.mptcp {
		pins[mptcpPin] = objs.Msks
	}
	for name, pin := range pins {
		if err := pin.Pin(filepath.Join(pinDir, name)); err != nil {
			return err
		}
	}
	dir, err := os.Open(cgroup)
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, h := range hooks {
		if prog := h.of(objs); prog != nil {
			if err := h.take(dir, prog); err != nil {
				return err
			}
		}
	}
	return nil
}

// take attaches a program, by a link that stays when we are gone.
func (h hook) take(cgroup *os.File, prog *ebpf.Program) error {
	l, err := link.AttachRawLink(link.RawLinkOptions{Target: int(cgroup.Fd()), Program: prog, Attach: h.attach})
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("hook %s of %s is held by %s", h.name, cgroup.Name(), h.holders(cgroup))
	}
	if err != nil {
		return fmt.Errorf("hook %s of %s: %w", h.name, cgroup.Name(), err)
	}
	defer l.Close()
	return l.Pin(filepath.Join(pinDir, h.name))
}

// holders are the programs that are at a hook and let nobody else in.
func (h hook) holders(cgroup *os.File) string {
	result, err := link.QueryPrograms(link.QueryOptions{Target: int(cgroup.Fd()), Attach: h.attach})
	if err != nil || len(result.Programs) == 0 {
		return "a program of a cgroup above it that lets nobody else in"
	}
	var names []string
	for _, p := range result.Programs {
		names = append(names, fmt.Sprintf("program %s (id %d)", programName(p.ID), p.ID))
	}
	return strings.Join(names, ", ") + ", which was attached without BPF_F_ALLOW_MULTI and lets nobody else in"
}

func programName(id ebpf.ProgramID) string {
	prog, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return "?"
	}
	defer prog.Close()
	info, err := prog.Info()
	if err != nil || info.Name == "" {
		return "without a name"
	}
	return info.Name
}

// ErrNotLoaded is returned when there is nothing.
var ErrNotLoaded = errors.New("not loaded")

// Unload takes the programs away. Connections stay; who asks from then on is
// told the director.
func Unload() error {
	if err := checkLoaded(); err != nil {
		return err
	}
	return removeAll()
}

// checkLoaded tells "not loaded" from "cannot be seen".
func checkLoaded() error {
	_, err := os.Stat(pinDir)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w (run it as root)", err)
	}
	if err := checkBPFFS(); err != nil {
		return err
	}
	return ErrNotLoaded
}

// removeAll detaches at once, not when the last name is gone, and in the reverse
// order.
func removeAll() error {
	var errs []error
	for i := len(hooks) - 1; i >= 0; i-- {
		l, err := link.LoadPinnedLink(filepath.Join(pinDir, hooks[i].name), nil)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("hook %s: %w", hooks[i].name, err))
			continue
		}
		if err := l.Detach(); err != nil {
			errs = append(errs, fmt.Errorf("hook %s: %w", hooks[i].name, err))
		}
		l.Close()
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return os.RemoveAll(pinDir)
}
