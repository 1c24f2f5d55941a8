// SPDX-License-Identifier: GPL-2.0-only
/*
 * toafuzz [ROUNDS [SEED]]: random option lists through the module's parser
 * (kernel/common/toa_parse.h), each in memory of exactly its size, so that the
 * sanitizers see any access beyond; and each result against a second parser that
 * works in another way. Built and run by scripts/check-toa-parser.sh.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toa_parse.h"

#define ROUNDS	3000000

static uint64_t state;

/* xorshift64* */
static uint32_t rnd(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static uint8_t pick(const uint8_t *of, unsigned int n)
{
	return of[rnd(n)];
}

/* Bytes that get far: kinds and lengths that mean something, mostly. */
static unsigned int make_options(uint8_t *buf)
{
	static const uint8_t kinds[] = { 0, 1, 2, 4, 8, 30, 200, 252, 253, 254, 254 };
	static const uint8_t lengths[] = { 0, 1, 2, 4, 8, 8, 8, 10, 20, 20, 40, 255 };
	static const uint8_t starts[] = { 0, 127, 10, 192, 224, 239, 240, 255, 0x20, 0xfe };
	unsigned int size = rnd(41), at = 0, i;

	for (i = 0; i < size; i++)
		buf[i] = rnd(4) ? 0 : rnd(256);
	while (at + 4 < size && rnd(12)) {
		buf[at] = pick(kinds, sizeof(kinds));
		if (buf[at] == 1) {
			at++;
			continue;
		}
		buf[at + 1] = pick(lengths, sizeof(lengths));
		buf[at + 2] = rnd(3) ? 0xf9 : rnd(256);
		buf[at + 3] = rnd(3) ? 0x89 : rnd(256);
		if (at + 4 < size)
			buf[at + 4] = pick(starts, sizeof(starts));
		at += buf[at + 1] > 1 && rnd(10) ? buf[at + 1] : 1 + rnd(8);
	}
	return size;
}

/* What an option at @p must be to be taken, by the documentation. */
static bool is_toa(const struct toa_kinds *kinds, const uint8_t *p, bool syn)
{
	bool on = kinds->bits[p[0] >> 3] >> (p[0] & 7) & 1;

	if (!on || (p[1] != 8 && p[1] != 20))
		return false;
	return !(syn && p[0] == 254 && p[2] == 0xf9 && p[3] == 0x89);
}

static bool address_is_bad(const uint8_t *p)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t zero[15];
	const uint8_t *a = p + 4;

	if (!p[2] && !p[3])
		return true;
	if (p[1] == 8)
		return !a[0] || a[0] == 127 || (a[0] >= 224 && a[0] < 240) ||
		       !memcmp(a, "\xff\xff\xff\xff", 4);
	return a[0] == 0xff || !memcmp(a, mapped, 12) ||
	       (!memcmp(a, zero, 15) && a[15] < 2);
}

/* Recursive where the other one has a loop. */
static enum toa_found expected(const uint8_t *p, const uint8_t *end,
			       const struct toa_kinds *kinds, bool syn,
			       const uint8_t **at)
{
	if (p == end || *p == 0)
		return TOA_FOUND_NONE;
	if (*p == 1)
		return expected(p + 1, end, kinds, syn, at);
	if (end - p < 2 || p[1] < 2 || p[1] > end - p)
		return TOA_FOUND_NONE;
	if (!is_toa(kinds, p, syn))
		return expected(p + p[1], end, kinds, syn, at);
	*at = p;
	return address_is_bad(p) ? TOA_FOUND_BAD_ADDR : TOA_FOUND_CLIENT;
}

static bool same_client(const struct toa_client *c, const uint8_t *p)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(&c->port, p + 2, 2))
		return false;
	if (p[1] == 20)
		return !memcmp(&c->addr, p + 4, 16);
	return !memcmp(&c->addr, mapped, 12) &&
	       !memcmp((const uint8_t *)&c->addr + 12, p + 4, 4);
}

static void fail(const uint8_t *opts, unsigned int size, int want, int got)
{
	unsigned int i;

	printf("options");
	for (i = 0; i < size; i++)
		printf(" %02x", opts[i]);
	printf(": expected %d, got %d\n", want, got);
	exit(1);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : ROUNDS;
	unsigned long seen[3] = { 0 }, i;
	struct toa_kinds kinds = { { 0 } };

	state = argc > 2 ? strtoull(argv[2], NULL, 0) : 0x746f61;
	toa_kinds_add(&kinds, 254);
	toa_kinds_add(&kinds, 253);
	toa_kinds_add(&kinds, 200);
	toa_kinds_add(&kinds, 252);
	for (i = 0; i < rounds; i++) {
		uint8_t made[40], *opts;
		unsigned int size = make_options(made);
		const uint8_t *at = NULL;
		struct toa_client client;
		enum toa_found want, got;
		bool syn = rnd(2);

		opts = malloc(size);
		memcpy(opts, made, size);
		got = toa_parse(opts, size, &kinds, syn, &client);
		want = expected(opts, opts + size, &kinds, syn, &at);
		if (got != want || memcmp(opts, made, size) ||
		    (got == TOA_FOUND_CLIENT && !same_client(&client, at)))
			fail(opts, size, want, got);
		seen[got]++;
		free(opts);
	}
	printf("toa parser: %lu lists, %lu with a client, %lu with a bad address\n",
	       rounds, seen[TOA_FOUND_CLIENT], seen[TOA_FOUND_BAD_ADDR]);
	/* Otherwise it tested nothing. */
	return !(seen[0] > rounds / 100 && seen[1] > rounds / 100 && seen[2] > rounds / 100);
}
