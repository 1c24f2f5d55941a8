// SPDX-License-Identifier: Apache-2.0

// Command ipvsadm-go administers IP Virtual Server. It takes the command line
// of ipvsadm 1.31 and prints what that prints, and adds FULLNAT, SYN proxying
// and SNAT zones.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/cli"
)

// gcPercent lets the heap grow to five times of what is in use before it is
// collected. A list or a restore makes garbage at every line and keeps next to
// nothing, and a collector at work makes the runtime hand the processor from
// thread to thread at every system call.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	args := os.Args
	if len(args) == 0 {
		// execve allows it; ipvsadm would crash.
		args = []string{"ipvsadm"}
	}
	os.Exit(cli.Run(context.Background(), args, cli.System()))
}
