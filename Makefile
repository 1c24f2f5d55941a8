# SPDX-License-Identifier: Apache-2.0
# Everything is done by the scripts; this names them. "make help" lists it.
#
#   KERNEL=NAME   a kernel of test/vm/kernels.txt (lab, demo, vm-test)
#   T=NUMBER      one scene of test/lab/t (vm-test)
#   V=1           every line of every scene
#   KDIR=DIR      build the modules for the kernel with these headers, in place
#                 of those of the lab

KERNEL ?= 6.12

.PHONY: all deps tools modules check-go check-kernel check-shell test vm-test
.PHONY: check-arm64 test-bpf test-debug test-faults fuzz test-cost test-memory test-ports test-short test-speed test-keepalived
.PHONY: packages check-packages test-dkms test-packages release lab demo clean help
.PHONY: test-synproxy test-snat test-toa test-profile bench
.DEFAULT_GOAL := all

all: tools modules

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' $(MAKEFILE_LIST)

deps:  ## install the Debian packages that are missing
	@scripts/install-deps.sh

tools: deps  ## static Go programs in build/bin
	@scripts/build-tools.sh

modules: deps  ## kernel modules in build/modules
	@scripts/build-modules.sh $(if $(KDIR),-k '$(KDIR)') modules

check-go: deps  ## gofmt, vet, staticcheck, generated files, tests with -race
	@scripts/check-go.sh

check-kernel: deps  ## W=1 without a warning, sparse, checkpatch, every lab kernel
	@scripts/build-modules.sh check

check-arm64: deps  ## kernel/toa, cross-built for arm64; no part of "make test"
	@scripts/check-arm64.sh

check-shell: deps  ## shellcheck; what bash and zsh complete
	@scripts/check-shell.sh
	@scripts/check-completion.sh

test: deps  ## all checks, and all scenes on all kernels
	@scripts/test.sh

vm-test: deps  ## scenes on one kernel: make vm-test KERNEL=6.12 T=020
	@test/vm/run.sh $(if $(V),-v) $(KERNEL) $(T)

test-debug: deps  ## all scenes on a kernel with KASAN, lockdep and kmemleak (self-built, cached)
	@test/vm/run.sh $(if $(V),-v) debug $(T)

fuzz: deps  ## two million malformed packets and half a million netlink messages on the debug kernel; an hour and a half
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v debug 151 152

test-faults: deps  ## single allocations of both modules that fail, on the debug kernel; half an hour
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v debug 158 159 161 162

test-memory: deps  ## a director whose memory is used up
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 157

test-cost: deps  ## instructions for a packet, beside routing, NAT and masquerading
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 160

test-profile: deps  ## by which functions a segment of established TCP is handled, in instructions
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 165

bench: deps  ## what packets, connections and scale cost beside the peers, held against stored bounds; report in build/bench
	@scripts/bench.sh $(if $(DOCS),-d) $(KERNEL) $(T)

test-ports: deps  ## what a new connection costs with 5 % and with 95 % of the local ports taken
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 155

test-short: deps  ## 200 000 short connections over 1000 local ports; half an hour and more
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 156

test-keepalived: deps  ## what stock keepalived does beside FULLNAT services
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 180

test-synproxy: deps  ## SYNPROXY in figures, beside nft synproxy; 500 MB each way
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 390 391

test-snat: deps  ## SNAT zones in figures, beside nft; 100 000 connections to one server
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 490 491

test-toa: deps  ## what toa costs a connection, in instructions; a thousand loads under traffic
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 210 211

test-speed: deps  ## ipvsadm-go beside ipvsadm with 20 000 services; a quarter of an hour
	@IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh -v $(KERNEL) 089

packages: deps  ## deb and rpm packages in build/packages
	@packaging/build.sh

check-packages: deps  ## lintian, and the files that the packages have
	@packaging/check.sh

test-dkms: deps  ## dkms add, build and install for every kernel, and a boot of each; writes the table in README.md
	@test/packages/matrix.sh

test-packages: deps  ## install, reboot, upgrade and purge in Debian 12 and 13 with systemd; rpm's scriptlets; an hour
	@packaging/release.sh -n
	@test/packages/deb.sh
	@test/packages/rpm.sh
	@test/packages/run.sh -p

release: deps  ## everything that a release has, twice, compared; in build/release
	@packaging/release.sh

test-bpf: deps  ## scenes 200 to 203 and 205 with toa-bpf in place of the module toa, on all four kernels
	@for kernel in 5.10 6.1 6.12 7.2; do \
		IPVS_FULLNAT_SCENES='$(CURDIR)/test/lab/long' test/vm/run.sh $(if $(V),-v) $$kernel 220 221 222 223 225 || exit 1; \
	done

lab: deps  ## a shell in the lab
	@test/vm/run.sh --shell $(KERNEL)

demo: deps  ## watch traffic go through FULLNAT
	@test/vm/run.sh --demo $(KERNEL)

clean:  ## remove build (the cache outside the tree stays)
	rm -rf build
