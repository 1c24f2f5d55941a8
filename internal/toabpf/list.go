// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// EachConn calls visit for each connection whose client is known, in all network
// namespaces: the kernel walks over the sockets that have one.
func EachConn(visit func(Conn) error) error {
	maps, err := pinned("conns")
	if err != nil {
		return err
	}
	defer closeAll(maps)
	prog, err := ebpf.LoadPinnedProgram(filepath.Join(pinDir, "list"), nil)
	if err != nil {
		return fmt.Errorf("%s/list: %w", pinDir, err)
	}
	defer prog.Close()
	iter, err := link.AttachIter(link.IterOptions{Program: prog, Map: maps[0]})
	if err != nil {
		return err
	}
	defer iter.Close()
	lines, err := iter.Open()
	if err != nil {
		return err
	}
	defer lines.Close()
	return decodeConns(lines, visit)
}

func decodeConns(r io.Reader, visit func(Conn) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	line := make([]byte, listedSize)
	for {
		_, err := io.ReadFull(in, line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list of connections: %w", err)
		}
		conn, err := decodeConn(line)
		if err != nil {
			return err
		}
		if err := visit(conn); err != nil {
			return err
		}
	}
}

// CountConns is how many there are.
func CountConns() (int, error) {
	n := 0
	err := EachConn(func(Conn) error {
		n++
		return nil
	})
	return n, err
}

// OwnNetns is the inode of the network namespace of the caller.
func OwnNetns() uint32 {
	return uint32(inode("/proc/self/ns/net"))
}
