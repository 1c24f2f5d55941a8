# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Short connections, one after the other and many at a time, over one local
# address with 100 ports to one real server: each succeeds, by the ports of those
# that have ended, whichever side ends them and how, and also when the last packets
# of some are lost behind the director. "make test-short" does it with 200 000 and
# 1000 ports.
# timeout: 360

# shellcheck source=test/lab/lib-pressure.sh
. /lab/lib-pressure.sh

# With so few ports there is always one whose connection has just ended.
short_setup 30
short_lossy 4 200 10 30
short_lossy 6 200 10 30 -server-closes
set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=20099
short_conns 4 400 1 100
short_conns 4 500 20 100 -server-closes
short_conns 4 500 20 100 -reset
short_conns 6 500 20 100
short_end
