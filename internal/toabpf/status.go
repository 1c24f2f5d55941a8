// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// HookState is a hook that was taken.
type HookState struct {
	Name     string
	Attached bool // false: its cgroup is gone, or somebody took the program away
}

// Status is what is loaded.
type Status struct {
	Config
	Cgroup   string // "" when it cannot be seen from here
	CgroupID uint64
	Hooks    []HookState
	MPTCP    bool
	NAT64    bool
	Conns    int
	Module   bool
}

// Whole says whether all hooks are taken that have to be.
func (s *Status) Whole() bool {
	attached := 0
	for _, h := range s.Hooks {
		if !h.Attached {
			return false
		}
		attached++
	}
	return attached >= len(hooks)-1
}

// pinned opens maps by their names.
func pinned(names ...string) ([]*ebpf.Map, error) {
	if err := checkLoaded(); err != nil {
		return nil, err
	}
	var maps []*ebpf.Map
	for _, name := range names {
		m, err := ebpf.LoadPinnedMap(filepath.Join(pinDir, name), nil)
		if err != nil {
			closeAll(maps)
			if errors.Is(err, fs.ErrPermission) {
				return nil, fmt.Errorf("%s: %w (run it as root)", filepath.Join(pinDir, name), err)
			}
			return nil, fmt.Errorf("%s: %w", filepath.Join(pinDir, name), err)
		}
		maps = append(maps, m)
	}
	return maps, nil
}

func closeAll(maps []*ebpf.Map) {
	for _, m := range maps {
		m.Close()
	}
}

// SetConfig changes settings by what the function does with them.
func SetConfig(change func(*Config)) error {
	maps, err := pinned("settings", "trusted")
	if err != nil {
		return err
	}
	defer closeAll(maps)
	c, err := readConfig(maps[0], maps[1])
	if err != nil {
		return err
	}
	change(&c)
	return writeConfig(maps[0], maps[1], c)
}

// GetStatus looks at what is loaded.
func GetStatus() (*Status, error) {
	maps, err := pinned("settings", "trusted")
	if err != nil {
		return nil, err
	}
	defer closeAll(maps)
	_, err = os.Stat(filepath.Join(pinDir, mptcpPin))
	s := &Status{Module: moduleLoaded(), MPTCP: err == nil}
	if s.Config, err = readConfig(maps[0], maps[1]); err != nil {
		return nil, err
	}
	for _, h := range hooks {
		if err := s.look(h); err != nil {
			return nil, err
		}
	}
	if s.CgroupID != 0 {
		s.Cgroup = cgroupPath(s.CgroupID)
	}
	s.Conns, err = CountConns()
	return s, err
}

// look adds the state of a hook.
func (s *Status) look(h hook) error {
	l, err := link.LoadPinnedLink(filepath.Join(pinDir, h.name), nil)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("hook %s: %w", h.name, err)
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil {
		return fmt.Errorf("hook %s: %w", h.name, err)
	}
	state := HookState{Name: h.name}
	if cgroup := info.Cgroup(); cgroup != nil && cgroup.CgroupId != 0 {
		state.Attached = true
		s.CgroupID = cgroup.CgroupId
	}
	s.NAT64 = s.NAT64 || h.name == "getsockopt"
	s.Hooks = append(s.Hooks, state)
	return nil
}

// cgroupPath looks for a cgroup by its number.
func cgroupPath(id uint64) string {
	top, err := rootCgroup()
	if err != nil {
		return ""
	}
	found := ""
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			// One that went while we were looking.
			return nil
		case !d.IsDir():
			return nil
		case inode(path) == id:
			found = path
			return fs.SkipAll
		}
		return nil
	})
	return found
}
