// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func newTestInserter(t *testing.T, rules string) *inserter {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules")
	if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return &inserter{rules: path, isn: map[netip.AddrPort]uint32{}}
}

// segment makes an IPv4 SYN with a maximum segment size.
func segment(t *testing.T) []byte {
	t.Helper()
	pkt, err := hex.DecodeString("4500002c000040004006" + "0000" + "c000020a" + "0a00010b" +
		"9c400050" + "00000001" + "00000000" + "6002ffff" + "00000000" + "020405b4")
	if err != nil {
		t.Fatal(err)
	}
	return pkt
}

func TestInsert(t *testing.T) {
	for _, test := range []struct{ name, rules, want string }{
		{"in front", "syn first v4:254:203.0.113.7", "fe08" + "c915" + "cb007107" + "020405b4"},
		{"behind", "syn last v4:254:203.0.113.7", "020405b4" + "fe08" + "c915" + "cb007107"},
		{"padded", "syn first hex:fe03aa", "fe03aa01" + "020405b4"},
		{"elsewhere", "ack,data first v4:254:203.0.113.7", "020405b4"},
		{"nowhere", "", "020405b4"},
		{"each stage its own", "ack first hex:01010101\nsyn last hex:02020202\nsyn last hex:03030303\n", "020405b4" + "02020202"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pkt, err := newTestInserter(t, test.rules).insert(segment(t))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := hex.DecodeString(test.want)
			if !bytes.Equal(pkt[40:], want) {
				t.Fatalf("options %x, not %x", pkt[40:], want)
			}
			if int(pkt[32]>>4)*4 != 20+len(want) || int(pkt[2])<<8|int(pkt[3]) != len(pkt) {
				t.Errorf("lengths are wrong: %x", pkt)
			}
			if len(want) > 4 && (fold(sum(0, pkt[:20])) != 0xffff ||
				fold(sum(sum(uint32(len(pkt)-20)+unix.IPPROTO_TCP, pkt[12:20]), pkt[20:])) != 0xffff) {
				t.Errorf("checksums are wrong: %x", pkt)
			}
		})
	}
}

func TestInsertLeavesFullHeader(t *testing.T) {
	pkt := segment(t)
	rules := "syn first hex:" + hex.EncodeToString(bytes.Repeat([]byte{1}, 40))
	got, err := newTestInserter(t, rules).insert(bytes.Clone(pkt))
	if err != nil || !bytes.Equal(got, pkt) {
		t.Errorf("a header without room became %x, %v", got, err)
	}
}

func TestOptionBytesRefuses(t *testing.T) {
	for _, spec := range []string{"v4:254:2001:db8::1", "v6:254:192.0.2.1", "v4:256:192.0.2.1", "hex:f", "x:1:192.0.2.1"} {
		if opt, err := optionBytes(spec, 1); err == nil {
			t.Errorf("%s is taken: %x", spec, opt)
		}
	}
}

func TestJudge(t *testing.T) {
	told := netip.MustParseAddr("203.0.113.7")
	local := netip.MustParseAddrPort("192.0.2.10:40000")
	var r askReport
	judge(&r, local, told, "accept=203.0.113.7:51477 peer=203.0.113.7:51477 nat64=x")
	judge(&r, local, told, "accept=[::ffff:203.0.113.7]:51477 peer=[::ffff:203.0.113.7]:51477 nat64=x")
	judge(&r, local, told, "accept=192.0.2.10:40000 peer=192.0.2.10:40000 nat64=x")
	judge(&r, local, told, "accept=203.0.113.7:51477 peer=192.0.2.10:40000 nat64=x")
	judge(&r, local, told, "accept=203.0.113.7:51477 peer=203.0.113.7:1 nat64=x")
	judge(&r, local, told, "accept=198.51.100.9:40000 peer=192.0.2.10:40000 nat64=x")
	judge(&r, local, told, "accept=192.0.2.10:40000 peer=none nat64=x")
	if r.Told != 2 || r.Wire != 1 || r.Mixed != 1 || r.Wrong != 3 || r.Asked != 7 {
		t.Errorf("%+v", r)
	}
}
