# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# As 056, with 200 000 connections over 1000 ports.
# timeout: 7200

# shellcheck source=test/lab/lib-pressure.sh
. /lab/lib-pressure.sh

short_setup 1000
short_conns 4 5000 1 1000
short_conns 4 65000 50 1000
short_conns 4 65000 50 1000 -server-closes
short_conns 4 35000 50 1000 -reset
short_conns 6 30000 50 1000 -server-closes
short_end
