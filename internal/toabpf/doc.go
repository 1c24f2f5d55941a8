// SPDX-License-Identifier: Apache-2.0

// Package toabpf has what kernel/toa does, without a module: programs in bpf/
// that take the client's address out of a TCP option and give it to whoever asks
// for the peer, and what loads them, sets them, and reads their maps.
package toabpf
