// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// notify sends a notification to the newest socket.
func (k *fakeKernel) notify(cmd uint8, attrs []byte) {
	k.sockets[len(k.sockets)-1].push(appendMessage(nil, header{typ: k.ids["IPVS_FULLNAT"]}, cmd, 1, attrs))
}

func TestSubscribe(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	s, err := c.Subscribe(bg)
	must(t, err)
	if !slices.Equal(k.groups, []uint32{77}) {
		t.Errorf("joined %v", k.groups)
	}
	k.notify(18, AddLocalAddrRequest(web, web.Addr).attrs)
	k.notify(32, SetServiceExtRequest(ServiceExt{ServiceKey: web, SynProxy: true}).attrs)
	k.sockets[1].push(appendMessage(nil, header{typ: 0x99}, 1, 1, nil)) // another family's
	k.notify(35, nil)

	var got []Event
	for e, err := range s.Events(bg) {
		must(t, err)
		if got = append(got, e); e.Kind == EventFlush {
			break
		}
	}
	want(t, []Event{
		{Kind: EventAddLocalAddr, Service: ServiceExt{ServiceKey: web}, LocalAddr: web.Addr},
		{Kind: EventSetService, Service: ServiceExt{ServiceKey: web, SynProxy: true}},
		{Kind: EventFlush},
	})(got, nil)

	// More of the same datagram and of later ones can be taken afterwards.
	k.notify(33, DeleteServiceExtRequest(web).attrs)
	for e, err := range s.Events(bg) {
		must(t, err)
		if e.Kind != EventDeleteService {
			t.Errorf("%+v", e)
		}
		break
	}
	must(t, s.Close())
	must(t, s.Close())
	for _, err := range s.Events(bg) {
		if err == nil {
			t.Error("an event of a subscription that is closed")
		}
	}
}

func TestSubscribe_lost(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	s, err := c.Subscribe(bg)
	must(t, err)
	k.recvErr = fmt.Errorf("%w: no room", ErrOverrun)
	k.notify(35, nil)
	var errs []error
	for _, err := range s.Events(bg) {
		if errs = append(errs, err); err == nil {
			break
		}
	}
	if len(errs) != 2 {
		t.Fatalf("%v", errs)
	}
	wantErr(t, errs[0], ErrOverrun)
	must(t, s.Close())
}

func TestSubscribe_malformed(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	s, err := c.Subscribe(bg)
	must(t, err)
	k.notify(18, []byte{1, 2})
	n := 0
	for _, err := range s.Events(bg) {
		wantErr(t, err, ErrMalformed)
		n++
	}
	if n != 1 {
		t.Errorf("%d errors", n)
	}
	must(t, s.Close())
}

func TestSubscribe_contextDone(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	s, err := c.Subscribe(bg)
	must(t, err)
	ctx, cancel := context.WithCancel(bg)
	cancel()
	for _, err := range s.Events(ctx) {
		wantErr(t, err, context.Canceled)
	}
	k.notify(35, nil)
	for e, err := range s.Events(bg) {
		want(t, EventFlush)(e.Kind, err)
		break
	}
	ctx, cancel = context.WithCancel(bg)
	waiting := time.AfterFunc(10*time.Millisecond, cancel)
	defer waiting.Stop()
	for _, err := range s.Events(ctx) {
		wantErr(t, err, context.Canceled)
	}
	k.notify(35, nil)
	for e, err := range s.Events(bg) {
		want(t, EventFlush)(e.Kind, err)
		break
	}
	must(t, s.Close())
}

func TestSubscribe_clientCloses(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	s, err := c.Subscribe(bg)
	must(t, err)
	errc := make(chan error)
	go func() {
		for _, err := range s.Events(bg) {
			errc <- err
		}
		close(errc)
	}()
	must(t, c.Close())
	wantErr(t, <-errc, ErrClosed)
	must(t, s.Close())
}
