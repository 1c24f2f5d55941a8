// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"sort"
	"time"
)

// endpointConfig is what a test wants of an endpoint that a kernel's TCP would
// not do.
type endpointConfig struct {
	isn      uint32
	ts       uint32 // first time stamp value; 0: no time stamps
	tsRate   int    // by how much it grows in a millisecond
	sack     bool
	mss      int
	synOpts  []byte // behind the usual ones
	dataOpts []byte // in each segment with data or FIN
	synData  bool   // data in the SYN already
	finData  bool   // FIN on the last segment with data
	drop     int    // lose each Nth segment, when it is sent first
	dup      int    // send each Nth twice
	swap     int    // send each Nth behind its successor
	dropIn   int    // ignore each Nth segment with data
}

// endpointReport counts what was seen; what is "bad" cannot be, if those in
// between translate right.
type endpointReport struct {
	SYNs          int     `json:"syns"`
	ISN           uint32  `json:"isn"`
	PeerISN       uint32  `json:"peer_isn"`
	PeerMSS       int     `json:"peer_mss"`
	Handshake     float64 `json:"handshake_s"`
	Sent          uint64  `json:"sent"`
	Received      uint64  `json:"received"`
	Retransmitted int     `json:"retransmitted"`
	SACKs         int     `json:"sacks"`
	DSACKs        int     `json:"dsacks"`
	BadACK        int     `json:"bad_ack"`
	BadSACK       int     `json:"bad_sack"`
	BadTSecr      int     `json:"bad_tsecr"`
	BadRST        int     `json:"bad_rst"`
	Refused       int     `json:"stray_acks"` // answers to our SYN that a real server gives for an old connection
	RST           bool    `json:"rst"`
	Answer        string  `json:"answer"`
}

const (
	endpointTick   = 20 * time.Millisecond
	endpointRTO    = 400 * time.Millisecond
	endpointSYN    = time.Second
	endpointFlight = 128 << 10
	endpointScale  = 7
)

// endpoint is one end of one TCP connection, in user space. Positions are bytes
// since the SYN, which is 0; so data begins at 1, whatever the ISN is.
type endpoint struct {
	cfg         endpointConfig
	link        io.Writer
	local, peer netip.AddrPort
	app         func(e *endpoint) // after anything has arrived
	report      endpointReport
	began       time.Time

	out        []byte // all that is to be sent
	closing    bool   // FIN behind it
	una, nxt   uint64
	sacked     map[uint64]uint64 // from, to
	resent     map[uint64]time.Time
	progress   time.Time
	peerWindow uint64
	peerScale  int
	peerMSS    int
	useTS      bool
	useSACK    bool
	count      int
	held       []byte

	established bool
	in          []byte
	rcvBase     uint32 // sequence number of the peer's first byte
	rcvNxt      uint64 // bytes received in order, FIN included
	ooo         map[uint64][]byte
	finAt       uint64 // position behind the peer's last byte; 0: unknown
	tsRecent    uint32
	dsack       [2]uint64
	countIn     int
}

func newEndpoint(cfg endpointConfig, link io.Writer, local netip.AddrPort) *endpoint {
	return &endpoint{
		cfg: cfg, link: link, local: local, began: time.Now(), progress: time.Now(),
		sacked: map[uint64]uint64{}, resent: map[uint64]time.Time{}, ooo: map[uint64][]byte{},
		peerWindow: 1 << 14, peerMSS: 536, useTS: cfg.ts != 0, useSACK: cfg.sack,
		report: endpointReport{ISN: cfg.isn},
	}
}

func (e *endpoint) tsNow() uint32 {
	return e.cfg.ts + uint32(int(time.Since(e.began).Milliseconds())*e.cfg.tsRate)
}

// position is where a sequence number of ours is, near what is under way.
func (e *endpoint) position(seq uint32) int64 {
	return int64(e.una) + int64(int32(seq-(e.cfg.isn+uint32(e.una))))
}

// end is the position behind all there is to send.
func (e *endpoint) end() uint64 {
	n := 1 + uint64(len(e.out))
	if e.closing {
		n++
	}
	return n
}

func (e *endpoint) options(syn bool) []byte {
	var o []byte
	if syn {
		o = binary.BigEndian.AppendUint16([]byte{optMSS, 4}, uint16(e.cfg.mss))
		o = append(o, optScale, 3, endpointScale)
		if e.useSACK {
			o = append(o, optSACKOK, 2)
		}
	}
	if e.useTS {
		o = append(o, optTS, 10)
		o = binary.BigEndian.AppendUint32(o, e.tsNow())
		o = binary.BigEndian.AppendUint32(o, e.tsRecent)
	}
	return o
}

// sackBlocks says what has arrived twice, and what beyond a gap.
func (e *endpoint) sackBlocks(room int) []byte {
	var spans [][2]uint64
	if e.dsack[1] != 0 {
		spans = append(spans, e.dsack)
		e.dsack = [2]uint64{}
	}
	from := make([]uint64, 0, len(e.ooo))
	for at := range e.ooo {
		from = append(from, at)
	}
	sort.Slice(from, func(i, j int) bool { return from[i] < from[j] })
	for i, at := range from {
		to := at + uint64(len(e.ooo[at]))
		if i > 0 && len(spans) > 0 && spans[len(spans)-1][1] == at {
			spans[len(spans)-1][1] = to
			continue
		}
		spans = append(spans, [2]uint64{at, to})
	}
	spans = spans[:min(len(spans), (room-2)/8)]
	if len(spans) == 0 {
		return nil
	}
	o := []byte{optSACK, byte(2 + 8*len(spans))}
	for _, s := range spans {
		o = binary.BigEndian.AppendUint32(o, e.rcvBase+uint32(s[0]))
		o = binary.BigEndian.AppendUint32(o, e.rcvBase+uint32(s[1]))
	}
	return o
}

func (e *endpoint) write(s tcpSegment) {
	s.src, s.dst = e.local, e.peer
	s.window = 1 << 14
	// The device takes what it can; the rest is loss.
	_, _ = e.link.Write(s.marshal())
}

func (e *endpoint) sendSYN() {
	s := tcpSegment{seq: e.cfg.isn, flags: flagSYN, opts: append(e.options(true), e.cfg.synOpts...)}
	if e.report.PeerISN != 0 || e.rcvBase != 0 {
		s.flags |= flagACK
		s.ack = e.rcvBase + uint32(e.rcvNxt)
	}
	if e.cfg.synData {
		s.data = e.out[:min(len(e.out), e.cfg.mss-60)]
	}
	e.report.SYNs++
	e.nxt = max(e.nxt, 1+uint64(len(s.data)))
	e.write(s)
}

func (e *endpoint) sendACK() {
	o := e.options(false)
	if e.useSACK {
		o = append(o, e.sackBlocks(40-len(o))...)
	}
	e.write(tcpSegment{seq: e.cfg.isn + uint32(e.nxt), ack: e.rcvBase + uint32(e.rcvNxt), flags: flagACK, opts: o})
}

// transmit sends what is at a position, and returns how much that was.
func (e *endpoint) transmit(at uint64, first bool) uint64 {
	o := append(e.options(false), e.cfg.dataOpts...)
	room := min(e.peerMSS, e.cfg.mss) - (len(o)+3)&^3
	if len(e.cfg.dataOpts) > 0 {
		room = 512
	}
	from := min(at-1, uint64(len(e.out)))
	data := e.out[from:min(from+uint64(room), uint64(len(e.out)))]
	s := tcpSegment{seq: e.cfg.isn + uint32(at), ack: e.rcvBase + uint32(e.rcvNxt), flags: flagACK, opts: o, data: data}
	if from+uint64(len(data)) == uint64(len(e.out)) {
		s.flags |= flagPSH
		if e.closing && (len(data) == 0 || e.cfg.finData) {
			s.flags |= flagFIN
		}
	}
	if !first {
		e.report.Retransmitted++
		e.resent[at] = time.Now()
		e.write(s)
		return uint64(s.length())
	}
	e.count++
	e.disturb(s)
	return uint64(s.length())
}

// disturb sends a segment for the first time, or not, or twice, or late.
func (e *endpoint) disturb(s tcpSegment) {
	nth := func(n int) bool { return n > 0 && e.count%n == 0 }
	s.src, s.dst, s.window = e.local, e.peer, 1<<14
	pkt := s.marshal()
	switch {
	case nth(e.cfg.drop):
		return
	case nth(e.cfg.swap) && e.held == nil:
		e.held = pkt
		return
	}
	_, _ = e.link.Write(pkt)
	if nth(e.cfg.dup) {
		_, _ = e.link.Write(pkt)
	}
	e.release()
}

func (e *endpoint) release() {
	if e.held != nil {
		_, _ = e.link.Write(e.held)
		e.held = nil
	}
}

// pump sends what the window lets through.
func (e *endpoint) pump() {
	if !e.established {
		return
	}
	limit := e.una + min(e.peerWindow, endpointFlight)
	for e.nxt < e.end() && (e.nxt < limit || e.nxt == e.una) {
		e.nxt += e.transmit(e.nxt, true)
	}
}

// repair sends the holes below what has been acknowledged selectively.
func (e *endpoint) repair() {
	var top uint64
	for _, to := range e.sacked {
		top = max(top, to)
	}
	for at := e.una; at < top; {
		if to, ok := e.sacked[at]; ok {
			at = to
			continue
		}
		if time.Since(e.resent[at]) > endpointRTO/2 {
			at += e.transmit(at, false)
		} else {
			at += uint64(max(min(e.peerMSS, e.cfg.mss)-(len(e.options(false))+3)&^3, 1))
		}
	}
}

// tick repeats what has not been acknowledged for too long.
func (e *endpoint) tick() {
	wait := endpointRTO
	if !e.established {
		wait = endpointSYN
	}
	if time.Since(e.progress) < wait {
		return
	}
	e.progress = time.Now()
	e.release()
	switch {
	case !e.established:
		if e.peer.IsValid() {
			e.sendSYN()
		}
	case e.una < e.nxt:
		e.transmit(max(e.una, 1), false)
	}
}

// seeACK takes an acknowledgement; false when it cannot be one of ours.
func (e *endpoint) seeACK(s tcpSegment, o segmentOptions) bool {
	at := e.position(s.ack)
	if at > int64(e.nxt) || at < 0 {
		e.report.BadACK++
		return false
	}
	e.peerWindow = uint64(s.window) << e.peerScale
	if uint64(at) > e.una {
		e.una = uint64(at)
		e.progress = time.Now()
		for from, to := range e.sacked {
			if to <= e.una {
				delete(e.sacked, from)
			}
		}
	}
	for i, block := range o.sack {
		e.seeSACK(i, block)
	}
	if o.hasTS && e.useTS && (int32(e.tsNow()-o.tsecr) < 0 || int32(o.tsecr-e.cfg.ts) < 0) {
		e.report.BadTSecr++
	}
	return true
}

func (e *endpoint) seeSACK(i int, block [2]uint32) {
	from, to := e.position(block[0]), e.position(block[1])
	switch {
	case from < 1 || to > int64(e.nxt) || from >= to:
		e.report.BadSACK++
	case i == 0 && from < int64(e.una):
		e.report.DSACKs++
	default:
		e.report.SACKs++
		e.sacked[uint64(from)] = max(e.sacked[uint64(from)], uint64(to))
	}
}

// handshake takes the peer's SYN, with or without an acknowledgement.
func (e *endpoint) handshake(s tcpSegment, o segmentOptions) {
	e.peer = s.src
	e.report.PeerISN, e.report.PeerMSS = s.seq, o.mss
	e.rcvBase, e.rcvNxt = s.seq+1, 0
	e.tsRecent = o.tsval
	e.useTS = e.useTS && o.hasTS
	e.useSACK = e.useSACK && o.sackOK
	if o.hasScale {
		e.peerScale = o.scale
	}
	if o.mss > 0 {
		e.peerMSS = o.mss
	}
}

// answerSYN is what an endpoint does before it is established.
func (e *endpoint) answerSYN(s tcpSegment, o segmentOptions) error {
	switch {
	case s.flags&flagRST != 0:
		if s.flags&flagACK == 0 || e.position(s.ack) < 1 || e.position(s.ack) > int64(e.nxt) {
			e.report.BadRST++
			return nil
		}
		e.report.RST = true
		return errors.New("refused")
	case s.flags&(flagSYN|flagACK) == flagSYN:
		e.handshake(s, o)
		e.nxt = max(e.nxt, 1)
		e.sendSYN()
	case s.flags&flagACK == 0:
	case e.position(s.ack) < 1 || e.position(s.ack) > int64(e.nxt):
		// RFC 9293 3.10.7.3: a half-open connection of the past.
		e.report.Refused++
		e.write(tcpSegment{seq: s.ack, flags: flagRST})
	default:
		if s.flags&flagSYN != 0 {
			e.handshake(s, o)
		}
		e.established = true
		e.report.Handshake = time.Since(e.began).Seconds()
		e.una, e.progress = 1, time.Now()
		e.seeACK(s, segmentOptions{})
		e.nxt = max(e.una, 1)
		e.take(s)
		e.sendACK()
	}
	return nil
}

// take stores the data of a segment; true when an ACK is due.
func (e *endpoint) take(s tcpSegment) bool {
	if s.length() == 0 || s.flags&flagSYN != 0 {
		return false
	}
	at := int64(e.rcvNxt) + int64(int32(s.seq-(e.rcvBase+uint32(e.rcvNxt))))
	to := at + int64(len(s.data))
	if len(s.data) > 0 {
		e.countIn++
		if e.cfg.dropIn > 0 && e.countIn%e.cfg.dropIn == 0 {
			return false
		}
	}
	if s.flags&flagFIN != 0 {
		e.finAt = uint64(to)
	}
	_, known := e.ooo[uint64(at)]
	if len(s.data) > 0 && (to <= int64(e.rcvNxt) || known) {
		e.dsack = [2]uint64{uint64(at), uint64(to)}
		return true
	}
	if at >= 0 && len(s.data) > len(e.ooo[uint64(at)]) {
		e.ooo[uint64(at)] = append([]byte(nil), s.data...)
	}
	for e.advance() {
	}
	if e.finished() && e.rcvNxt == e.finAt {
		e.rcvNxt++
	}
	return true
}

// advance takes a stored segment that continues, or overlaps, what is there;
// false when there is none.
func (e *endpoint) advance() bool {
	for at, data := range e.ooo {
		if at > e.rcvNxt {
			continue
		}
		delete(e.ooo, at)
		if to := at + uint64(len(data)); to > e.rcvNxt {
			e.in = append(e.in, data[e.rcvNxt-at:]...)
			e.rcvNxt = to
		}
		return true
	}
	return false
}

// finished: all that the peer will ever send has arrived.
func (e *endpoint) finished() bool {
	return e.finAt != 0 && e.rcvNxt >= e.finAt
}

// receive takes a segment for this endpoint. errDone: the connection is over.
func (e *endpoint) receive(s tcpSegment) error {
	o := s.parseOptions()
	if !e.established {
		err := e.answerSYN(s, o)
		if err == nil && e.established {
			e.app(e)
		}
		return err
	}
	if s.flags&flagRST != 0 {
		// RFC 5961 3.2: any other number is not taken at once.
		if s.seq != e.rcvBase+uint32(e.rcvNxt) {
			e.report.BadRST++
			return nil
		}
		e.report.RST = true
		return errors.New("reset")
	}
	if s.flags&flagACK == 0 || s.flags&flagSYN != 0 || !e.seeACK(s, o) {
		e.sendACK()
		return nil
	}
	if o.hasTS && int32(s.seq-(e.rcvBase+uint32(e.rcvNxt))) <= 0 {
		e.tsRecent = o.tsval
	}
	if e.take(s) {
		e.sendACK()
		e.app(e)
	}
	e.repair()
	e.pump()
	return nil
}

// over: both sides have closed, and both know it.
func (e *endpoint) over() bool {
	return e.closing && e.una == e.end() && e.finished()
}
