// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local ports. A port of a local address may be taken once towards each real
 * server: replies carry the real server's address, which tells connections
 * apart. So there is a bitmap per (local address, protocol, rip, rport), made
 * when the first port of it is taken and freed with the last.
 *
 * Taking and giving back are atomic bit operations without a lock. The cost
 * of finding a port does not grow with how many are taken: full words of the
 * bitmap are skipped 64 ports at a time.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "fnat.h"

/* The bitmap fills what is left of the 8 KiB that kmalloc() hands out. */
struct fnat_portmap {
	struct rhash_head node;
	struct fnat_portmap_key key;	/* [const] */
	refcount_t taken;		/* ports, and searches under way */
	struct rcu_head rcu;
	unsigned long bits[BITS_TO_LONGS(FNAT_LPORT_COUNT)];
};

static struct rhashtable portmaps;

static const struct rhashtable_params portmap_params = {
	.head_offset = offsetof(struct fnat_portmap, node),
	.key_offset = offsetof(struct fnat_portmap, key),
	.key_len = sizeof(struct fnat_portmap_key),
	.automatic_shrinking = true,
};

/* NULL: somebody else's is about to go. ERR_PTR(-ENOMEM). */
static struct fnat_portmap *portmap_add(const struct fnat_portmap_key *key)
{
	struct fnat_portmap *map, *old;

	map = kzalloc(sizeof(*map), GFP_ATOMIC | __GFP_NOWARN);
	if (!map)
		return ERR_PTR(-ENOMEM);
	map->key = *key;
	refcount_set(&map->taken, 1);

	old = rhashtable_lookup_get_insert_fast(&portmaps, &map->node,
						portmap_params);
	if (!old)
		return map;
	kfree(map);
	if (IS_ERR(old))
		return ERR_PTR(-ENOMEM);
	return refcount_inc_not_zero(&old->taken) ? old : NULL;
}

/* ERR_PTR(-ENOMEM) when there is no memory for one. */
static struct fnat_portmap *portmap_get(const struct fnat_portmap_key *key)
{
	struct fnat_portmap *map;
	int tries;

	/*
	 * A map whose last port was just given back leaves the table at once,
	 * on another CPU; a second look finds it gone.
	 */
	for (tries = 0; tries < 64; tries++) {
		map = rhashtable_lookup(&portmaps, key, portmap_params);
		if (!map)
			map = portmap_add(key);
		else if (!refcount_inc_not_zero(&map->taken))
			map = NULL;
		if (map)
			return map;
		cpu_relax();
	}
	return ERR_PTR(-ENOMEM);
}

static void portmap_put(struct fnat_portmap *map)
{
	/* Nobody is to find it without references for longer than this takes. */
	local_bh_disable();
	if (refcount_dec_and_test(&map->taken)) {
		rhashtable_remove_fast(&portmaps, &map->node, portmap_params);
		kfree_rcu(map, rcu);
	}
	local_bh_enable();
}

/* Takes a free bit in [from, to); returns to when there is none. */
static unsigned int take_bit(unsigned long *bits, unsigned int from,
			     unsigned int to)
{
	unsigned int bit;

	for (bit = find_next_zero_bit(bits, to, from); bit < to;
	     bit = find_next_zero_bit(bits, to, bit + 1))
		if (!test_and_set_bit(bit, bits))
			return bit;
	return to;
}

/* False: there is none, the two limits are set one after the other. */
bool fnat_ports_range(const struct fnat_sysctl *sysctl, unsigned int *min,
		      unsigned int *count)
{
	unsigned int lowest = READ_ONCE(sysctl->lport_min);
	unsigned int highest = READ_ONCE(sysctl->lport_max);

	*min = lowest;
	*count = highest - lowest + 1;
	return lowest <= highest;
}

/*
 * Looks at no more than fullnat_lport_tries ports of the range, from a random
 * one upwards and on from the lowest.
 */
static int take_port(const struct fnat_sysctl *sysctl, unsigned long *bits)
{
	unsigned int min, count, start, tries, bit, end;

	if (!fnat_ports_range(sysctl, &min, &count))
		return -EADDRINUSE;
	min -= FNAT_LPORT_FLOOR;
	start = min + get_random_u32_below(count);
	tries = min_t(unsigned int, READ_ONCE(sysctl->lport_tries), count);

	end = min(start + tries, min + count);
	bit = take_bit(bits, start, end);
	if (bit < end)
		return bit;
	end = min + tries - (end - start);
	bit = take_bit(bits, min, end);
	if (bit < end)
		return bit;
	return -EADDRINUSE;
}

/*
 * Takes a port of @laddr towards the real server. Returns the map that holds
 * it, ERR_PTR(-EADDRINUSE) when no free one was found, or ERR_PTR(-ENOMEM).
 */
struct fnat_portmap *fnat_ports_take(struct fnat_laddr *laddr, u16 protocol,
				     const union nf_inet_addr *rip,
				     __be16 rport, __be16 *lport)
{
	struct fnat_portmap_key key = {
		.laddr = laddr,
		.rip = *rip,
		.rport = rport,
		.protocol = protocol,
	};
	struct fnat_portmap *map = portmap_get(&key);
	int bit;

	if (IS_ERR(map))
		return map;
	bit = take_port(&laddr->fn->sysctl, map->bits);
	if (bit < 0) {
		portmap_put(map);
		return ERR_PTR(bit);
	}
	*lport = htons(bit + FNAT_LPORT_FLOOR);
	return map;
}

/* The connection must have left the table of connections before. */
void fnat_ports_give(struct fnat_portmap *map, __be16 lport)
{
	clear_bit_unlock(ntohs(lport) - FNAT_LPORT_FLOOR, map->bits);
	portmap_put(map);
}

int fnat_ports_init(void)
{
	BUILD_BUG_ON(sizeof(struct fnat_portmap) > 8192);
	return rhashtable_init(&portmaps, &portmap_params);
}

void fnat_ports_exit(void)
{
	rhashtable_destroy(&portmaps);
}
