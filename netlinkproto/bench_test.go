// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"testing"

	"github.com/mdlayher/netlink"
)

func BenchmarkAddServiceRequest(b *testing.B) {
	b.ReportAllocs()
	s := testService(1)
	for b.Loop() {
		_ = AddServiceRequest(s)
	}
}

func BenchmarkAddDestRequest(b *testing.B) {
	b.ReportAllocs()
	s, d := testService(1), testDest(1)
	for b.Loop() {
		_ = AddDestRequest(s.ServiceKey, d)
	}
}

// answerBytes is an answer to GET_SERVICE as a kernel sends it.
func answerBytes() []byte {
	return marshal(svc(webAttrs(), str(6, "wlc"), raw(7, 2, 0, 0, 0, 255, 255, 255, 255), u32(8, 0),
		raw(9, 255, 255, 255, 255), stats32(10, 1), stats64(12, 1)))
}

func BenchmarkDecodeService(b *testing.B) {
	b.ReportAllocs()
	in := answerBytes()
	for b.Loop() {
		if _, err := decodeService(in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNetlinkPackage reads the same answer with the decoder of the netlink
// package, without making anything of it: the reason for the codec of our own.
func BenchmarkNetlinkPackage(b *testing.B) {
	b.ReportAllocs()
	in := answerBytes()
	for b.Loop() {
		ad, err := netlink.NewAttributeDecoder(in)
		if err != nil {
			b.Fatal(err)
		}
		countNested(b, ad, 2)
	}
}

func countNested(b *testing.B, ad *netlink.AttributeDecoder, depth int) {
	for ad.Next() {
		if depth > 0 && ad.TypeFlags()&netlink.Nested != 0 {
			ad.Nested(func(ad *netlink.AttributeDecoder) error { countNested(b, ad, depth-1); return nil })
		}
	}
	if ad.Err() != nil {
		b.Fatal(ad.Err())
	}
}

func BenchmarkBatch(b *testing.B) {
	b.ReportAllocs()
	c := newFakeKernel().client(b)
	reqs := make([]Request, 1000)
	for i := range reqs {
		reqs[i] = ZeroRequest()
	}
	for b.Loop() {
		if _, err := FirstError(c.Batch(bg, reqs)); err != nil {
			b.Fatal(err)
		}
	}
}
