// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"fmt"
	"strings"
	"testing"
)

func TestBatch(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	sends := k.sends
	const n = 1000
	addServices(t, c, n)
	if got, most := k.sends-sends, n/100+1; got > most {
		t.Errorf("%d system calls for %d requests, want at most %d", got, n, most)
	}
	got, err := c.ListServices(bg)
	must(t, err)
	if len(got) != n {
		t.Errorf("%d services", len(got))
	}
}

// TestBatch_errors: each error is at the place of its request, and what follows
// is carried out.
func TestBatch_errors(t *testing.T) {
	c := newFakeKernel().client(t)
	reqs := []Request{
		AddServiceRequest(testService(1)),
		AddServiceRequest(testService(1)),
		AddDestRequest(testService(2).ServiceKey, testDest(1)),
		AddServiceRequest(Service{}),
		{},
		AddDestRequest(testService(1).ServiceKey, testDest(1)),
		DeleteServiceRequest(web),
	}
	errs := c.Batch(bg, reqs)
	if len(errs) != len(reqs) {
		t.Fatalf("%d results for %d requests", len(errs), len(reqs))
	}
	must(t, errs[0])
	wantErr(t, errs[1], ErrExist)
	wantErr(t, errs[2], ErrNoService)
	wantErr(t, errs[3], ErrInvalid)
	wantErr(t, errs[4], ErrInvalid)
	must(t, errs[5])
	wantErr(t, errs[6], ErrNoService)
	if i, err := FirstError(errs); i != 1 || err != errs[1] {
		t.Errorf("first error %d, %v", i, err)
	}
	if i, err := FirstError(errs[:1]); i != -1 || err != nil {
		t.Errorf("first error %d, %v", i, err)
	}
}

// TestBatch_lastOneRefused: the last request of a system call has both reasons
// to be answered.
func TestBatch_lastOneRefused(t *testing.T) {
	c := newFakeKernel().client(t)
	errs := c.Batch(bg, []Request{AddServiceRequest(testService(1)), DeleteServiceRequest(web)})
	must(t, errs[0])
	wantErr(t, errs[1], ErrNoService)
	must(t, c.Zero(bg))
}

func TestBatch_nothingToSend(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	sends := k.sends
	if errs := c.Batch(bg, nil); len(errs) != 0 {
		t.Errorf("%v", errs)
	}
	errs := c.Batch(bg, []Request{{}, {}})
	wantErr(t, errs[0], ErrInvalid)
	wantErr(t, errs[1], ErrInvalid)
	if k.sends != sends {
		t.Error("something was sent")
	}
}

func TestBatch_twoFamilies(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	reqs := []Request{AddServiceRequest(testService(1)), AddLocalAddrRequest(testService(1).ServiceKey, web.Addr), ZeroRequest()}
	if i, err := FirstError(c.Batch(bg, reqs)); err != nil {
		t.Fatalf("request %d: %v", i, err)
	}
	delete(k.ids, "IPVS_FULLNAT")
	c2 := k.client(t)
	reqs[0] = AddServiceRequest(testService(2))
	errs := c2.Batch(bg, reqs)
	must(t, errs[0])
	wantErr(t, errs[1], ErrNoFamily)
	must(t, errs[2])
}

// TestBatch_socketFails: what was answered keeps its answer, the rest has the
// reason.
func TestBatch_socketFails(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	reqs := make([]Request, 3*batchMaxRequests)
	for i := range reqs {
		reqs[i] = AddServiceRequest(testService(i))
	}
	calls := 0
	k.mangle = func(b []byte) []byte {
		if calls++; calls == 2 { // the acknowledgement of the second system call
			return b[:len(b)-1]
		}
		return b
	}
	errs := c.Batch(bg, reqs)
	for i, err := range errs {
		switch {
		case i < batchMaxRequests && err != nil:
			t.Fatalf("request %d: %v", i, err)
		case i >= batchMaxRequests && !strings.HasPrefix(fmt.Sprint(err), "add service"):
			t.Fatalf("request %d: %v", i, err)
		case i >= batchMaxRequests:
			wantErr(t, err, ErrMalformed)
		}
	}
}
