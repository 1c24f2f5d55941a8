// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import "fmt"

// Timeouts are the connection timeouts of a network namespace, in seconds. In
// SetTimeouts a zero leaves the kernel's value as it is.
type Timeouts struct {
	TCP, TCPFin, UDP uint32
}

// Info is what stock IPVS says about itself.
type Info struct {
	// Version is the IPVS version, one byte for each of its three numbers.
	Version Version
	// ConnTableSize is the number of buckets in the connection table.
	ConnTableSize uint32
}

// Version is a version number with one byte for each of its three parts.
type Version uint32

// String returns "1.2.1".
func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", byte(v>>16), byte(v>>8), byte(v))
}

func (t Timeouts) encode(e *encoder) {
	for _, v := range []struct {
		typ     uint16
		seconds uint32
	}{
		{ipvsCmdAttrTimeoutTcp, t.TCP},
		{ipvsCmdAttrTimeoutTcpFin, t.TCPFin},
		{ipvsCmdAttrTimeoutUdp, t.UDP},
	} {
		if v.seconds != 0 {
			e.u32(v.typ, v.seconds)
		}
	}
}

// decodeTimeouts reads an answer to GET_CONFIG. A kernel without one of the
// protocols leaves its timeouts out.
func decodeTimeouts(b []byte) (t Timeouts, err error) {
	err = walk(b, func(a attr) error {
		switch a.typ {
		case ipvsCmdAttrTimeoutTcp:
			return setU32(a, &t.TCP)
		case ipvsCmdAttrTimeoutTcpFin:
			return setU32(a, &t.TCPFin)
		case ipvsCmdAttrTimeoutUdp:
			return setU32(a, &t.UDP)
		}
		return nil
	})
	return t, err
}

// decodeInfo reads an answer to GET_INFO.
func decodeInfo(b []byte) (i Info, err error) {
	err = walk(b, func(a attr) error {
		switch a.typ {
		case ipvsInfoAttrVersion:
			return setU32(a, &i.Version)
		case ipvsInfoAttrConnTabSize:
			return setU32(a, &i.ConnTableSize)
		}
		return nil
	})
	return i, err
}
