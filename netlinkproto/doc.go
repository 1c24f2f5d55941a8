// SPDX-License-Identifier: Apache-2.0

// Package netlinkproto talks to the two generic netlink families that make up
// a FULLNAT director: the kernel's own "IPVS" and the "IPVS_FULLNAT" family of
// the ip_vs_fullnat module.
//
// A [Client] is opened with [Dial] and is safe for concurrent use. Everything
// it does is one of three things:
//
//   - A change, such as [Client.AddService]. Each has a function that makes a
//     [Request], such as [AddServiceRequest], so that thousands of changes can
//     be sent in a few system calls with [Client.Batch].
//   - A query that has one answer, such as [Client.Service] or [Client.Info].
//   - A dump. Each comes twice: as an iterator that decodes one object at a
//     time out of a fixed buffer, such as [Client.Services], and as a function
//     that collects a slice and repeats the dump when the table changed
//     meanwhile, such as [Client.ListServices].
//
// Errors can be told apart with errors.Is and the Err variables of this
// package; the kernel's errno and its own explanation are in [KernelError],
// which errors.As finds.
//
// The package prints nothing, logs nothing and loads no module by itself. The
// kernel may load ip_vs when the family is looked up; when it does not, the
// error is [ErrNoFamily].
//
// A FULLNAT real server is an ordinary IPVS destination whose forwarding method
// is [FullNAT]. Stock IPVS stores, schedules and counts it; what stock IPVS has
// no object for (local addresses, SYN proxying, zones) is in IPVS_FULLNAT and
// is keyed by the same [ServiceKey].
package netlinkproto
