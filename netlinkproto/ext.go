// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import "encoding/binary"

// ServiceExt is what the ip_vs_fullnat module holds for a service beside its
// local addresses.
type ServiceExt struct {
	ServiceKey
	// SynProxy says that SYNs to the service are answered with cookies. It
	// needs CapSynProxy.
	SynProxy bool
	// LocalAddrs is the number of local addresses. It is only read.
	LocalAddrs uint32
}

// extFlags are the flags of an extension that this package knows; the others
// are left as they are when an extension is set.
const extFlags = ipvsFnatSvcFSynproxy

func (x ServiceExt) encode(e *encoder) {
	e.nest(ipvsFnatAttrService, func(e *encoder) {
		x.ServiceKey.encodeFields(e)
		var flags uint32
		if x.SynProxy {
			flags |= ipvsFnatSvcFSynproxy
		}
		// struct nla_bitfield32: the value and which bits of it count.
		b := make([]byte, 8)
		binary.NativeEndian.PutUint32(b, flags)
		binary.NativeEndian.PutUint32(b[4:], extFlags)
		e.bytes(ipvsFnatSvcAttrFlags, b)
	})
}

// decodeServiceExt reads an answer to GET_SERVICE of IPVS_FULLNAT.
func decodeServiceExt(b []byte) (ServiceExt, error) {
	return decodeNested(b, ipvsFnatAttrService, decodeServiceExtAttr)
}

func decodeServiceExtAttr(b []byte) (ServiceExt, error) {
	var x ServiceExt
	var key keyParser
	err := walk(b, func(a attr) error {
		switch a.typ {
		case ipvsFnatSvcAttrFlags:
			if err := a.size(8); err != nil {
				return err
			}
			x.SynProxy = binary.NativeEndian.Uint32(a.data)&ipvsFnatSvcFSynproxy != 0
			return nil
		case ipvsFnatSvcAttrLaddrCount:
			return setU32(a, &x.LocalAddrs)
		}
		return key.take(a)
	})
	if err != nil {
		return ServiceExt{}, err
	}
	if x.ServiceKey, err = key.finish(); err != nil {
		return ServiceExt{}, err
	}
	return x, nil
}

// decodeKeyAttr reads the nested service attribute of IPVS_FULLNAT as a key.
func decodeKeyAttr(b []byte) (ServiceKey, error) {
	var key keyParser
	if err := walk(b, key.take); err != nil {
		return ServiceKey{}, err
	}
	return key.finish()
}
