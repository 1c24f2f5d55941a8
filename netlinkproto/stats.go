// SPDX-License-Identifier: Apache-2.0

package netlinkproto

// Stats are the counters and rates of a service or real server. Kernels send
// them twice, as 32-bit and as 64-bit numbers; the 64-bit ones win.
type Stats struct {
	// Conns is the number of connections scheduled.
	Conns uint64
	// InPkts and OutPkts count packets from and to clients.
	InPkts, OutPkts uint64
	// InBytes and OutBytes count bytes from and to clients.
	InBytes, OutBytes uint64

	// CPS is the rate of new connections per second.
	CPS uint64
	// InPPS and OutPPS are packets per second.
	InPPS, OutPPS uint64
	// InBPS and OutBPS are bytes per second.
	InBPS, OutBPS uint64
}

// statsParser keeps the two kinds of statistics of one object apart until it is
// known whether the kernel sent the 64-bit ones.
type statsParser struct {
	narrow, wide []byte
}

func (p *statsParser) finish() (s Stats, err error) {
	b := p.wide
	if b == nil {
		b = p.narrow
	}
	err = walk(b, s.take)
	return s, err
}

func (s *Stats) take(a attr) error {
	switch a.typ {
	case ipvsStatsAttrConns:
		return setU64(a, &s.Conns)
	case ipvsStatsAttrInpkts:
		return setU64(a, &s.InPkts)
	case ipvsStatsAttrOutpkts:
		return setU64(a, &s.OutPkts)
	case ipvsStatsAttrInbytes:
		return setU64(a, &s.InBytes)
	case ipvsStatsAttrOutbytes:
		return setU64(a, &s.OutBytes)
	case ipvsStatsAttrCps:
		return setU64(a, &s.CPS)
	case ipvsStatsAttrInpps:
		return setU64(a, &s.InPPS)
	case ipvsStatsAttrOutpps:
		return setU64(a, &s.OutPPS)
	case ipvsStatsAttrInbps:
		return setU64(a, &s.InBPS)
	case ipvsStatsAttrOutbps:
		return setU64(a, &s.OutBPS)
	}
	return nil
}
