// SPDX-License-Identifier: Apache-2.0

// Command ipvsadm-go administers IP Virtual Server. It takes the command line
// of ipvsadm 1.31 and prints what that prints, and adds FULLNAT, SYN proxying
// and SNAT zones.
package main

import (
	"context"
	"os"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/cli"
)

func main() {
	args := os.Args
	if len(args) == 0 {
		// execve allows it; ipvsadm would crash.
		args = []string{"ipvsadm"}
	}
	os.Exit(cli.Run(context.Background(), args, cli.System()))
}
