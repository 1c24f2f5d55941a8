// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
)

//go:generate ./generate.sh

// object is bpf/toa.bpf.c as compiled by generate.sh. Little endian, as all
// machines that this runs on.
//
//go:embed toa.bpf.o
var object []byte

// coreObjects are the programs and maps in it that are always loaded.
type coreObjects struct {
	SockOps   *ebpf.Program `ebpf:"toa_sockops"`
	PeerName4 *ebpf.Program `ebpf:"toa_peername4"`
	PeerName6 *ebpf.Program `ebpf:"toa_peername6"`
	List      *ebpf.Program `ebpf:"toa_list"`

	Conns    *ebpf.Map `ebpf:"conns"`
	Msks     *ebpf.Map `ebpf:"msks"`
	Settings *ebpf.Map `ebpf:"settings"`
	Trusted  *ebpf.Map `ebpf:"trusted"`
	Counters *ebpf.Map `ebpf:"counters"`
}

type objects struct {
	coreObjects
	mptcp bool // served, too
	// For NAT64 only: each getsockopt() of the machine meets it.
	GetSockOpt *ebpf.Program `ebpf:"toa_getsockopt"`
}

func (o *objects) close() {
	for _, p := range []*ebpf.Program{o.SockOps, o.PeerName4, o.PeerName6, o.List, o.GetSockOpt} {
		p.Close()
	}
	for _, m := range []*ebpf.Map{o.Conns, o.Msks, o.Settings, o.Trusted, o.Counters} {
		m.Close()
	}
}

// mptcpSupported says whether the kernel has MPTCP, and tells BPF which of its
// sockets belong together.
func mptcpSupported() bool {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return false
	}
	var msk *btf.Struct
	if err := spec.TypeByName("mptcp_sock", &msk); err != nil {
		return false
	}
	for _, m := range msk.Members {
		if m.Name == "first" {
			return features.HaveProgramHelper(ebpf.SockOps, asm.FnSkcToMptcpSock) == nil
		}
	}
	return false
}

// loadObjects gives the kernel the programs and maps that the options ask for.
func loadObjects(o Options) (*objects, error) {
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("own object: %w", err)
	}
	objs := &objects{mptcp: mptcpSupported()}
	for name, value := range map[string]bool{"use_mptcp": objs.mptcp, "use_syn": !o.NoSYN} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("own object: %s: %w", name, err)
		}
	}
	// What is assigned to nothing is not loaded.
	var into any = &objs.coreObjects
	if o.NAT64 {
		into = objs
	}
	return objs, spec.LoadAndAssign(into, nil)
}
