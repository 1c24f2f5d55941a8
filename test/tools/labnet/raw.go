// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// sender sends whole packets as they are.
type sender struct {
	fd   int
	dest func(pkt []byte) (unix.Sockaddr, error)
}

// newLinkSender sends frames, link header included, out of a device.
func newLinkSender(dev string) (*sender, error) {
	ifi, err := net.InterfaceByName(dev)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	return &sender{fd: fd, dest: func(pkt []byte) (unix.Sockaddr, error) {
		if len(pkt) < 14 {
			return nil, errors.New("a frame is shorter than its header")
		}
		return &unix.SockaddrLinklayer{
			Ifindex:  ifi.Index,
			Protocol: binary.NativeEndian.Uint16(pkt[12:14]),
		}, nil
	}}, nil
}

// newIPSender sends IP packets, header included, by the routing table. The kernel
// fills in an IPv4 packet's checksum and total length.
func newIPSender(v6 bool) (*sender, error) {
	family := unix.AF_INET
	if v6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, fmt.Errorf("open a raw socket: %w", err)
	}
	return &sender{fd: fd, dest: ipDest}, nil
}

// ipDest reads where a packet goes out of its header.
func ipDest(pkt []byte) (unix.Sockaddr, error) {
	switch {
	case len(pkt) >= 20 && pkt[0]>>4 == 4:
		return &unix.SockaddrInet4{Addr: [4]byte(pkt[16:20])}, nil
	case len(pkt) >= 40 && pkt[0]>>4 == 6:
		return &unix.SockaddrInet6{Addr: [16]byte(pkt[24:40])}, nil
	}
	return nil, errors.New("not an IP header")
}

func (s *sender) send(pkt []byte) error {
	to, err := s.dest(pkt)
	if err != nil {
		return err
	}
	return unix.Sendto(s.fd, pkt, 0, to)
}

// parsePackets reads packets from hexadecimal words; blanks and colons may stand
// between the digits.
func parsePackets(words []string) ([][]byte, error) {
	var packets [][]byte
	strip := strings.NewReplacer(" ", "", ":", "", "\n", "", "\t", "")
	for i, word := range words {
		pkt, err := hex.DecodeString(strip.Replace(word))
		if err != nil {
			return nil, fmt.Errorf("packet %d: %w", i+1, err)
		}
		if len(pkt) == 0 {
			return nil, fmt.Errorf("packet %d is empty", i+1)
		}
		packets = append(packets, pkt)
	}
	return packets, nil
}

// newSender picks the kind of socket by the first packet.
func newSender(dev string, packets [][]byte) (*sender, error) {
	if dev != "" {
		return newLinkSender(dev)
	}
	return newIPSender(packets[0][0]>>4 == 6)
}

func runRaw(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("raw", flag.ContinueOnError)
	dev := fs.String("if", "", "send frames out of this device; without: IP packets by the routing table")
	count := fs.Int("count", 1, "how often to send them all")
	interval := fs.Duration("interval", 0, "pause between packets")
	words, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	packets, err := parsePackets(words)
	if err != nil {
		return err
	}
	s, err := newSender(*dev, packets)
	if err != nil {
		return err
	}
	defer unix.Close(s.fd)
	sent := 0
	for range *count {
		for i, pkt := range packets {
			if err := s.send(pkt); err != nil {
				return fmt.Errorf("send packet %d: %w", i+1, err)
			}
			sent++
			time.Sleep(*interval)
		}
	}
	return printJSON(out, map[string]int{"sent": sent})
}
