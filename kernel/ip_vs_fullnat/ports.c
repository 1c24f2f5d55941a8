// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local ports. A port of a local address may be taken once towards each real
 * server: replies carry the real server's address, which tells connections
 * apart. So there is a map per (local address, protocol, rip, rport), made when
 * the first port of it is taken and freed with the last.
 *
 * Machines of a SNAT zone talk to more destinations than there are real
 * servers, and have a few connections to each: as long as they are few a map
 * is a list of ports. Then it becomes a bitmap, and stays one. Taking and giving
 * back are atomic bit operations then, without a lock, and the cost of finding a
 * port does not grow with how many are taken: full words of the bitmap are
 * skipped 64 ports at a time.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "fnat.h"

/* With as many the map fills the 128 bytes that kmalloc() hands out. */
#define PORTS_FEW	26

/* Ports are counted from FNAT_LPORT_FLOOR. */
struct fnat_portmap {
	struct rhash_head node;
	struct fnat_portmap_key key;	/* [const] */
	refcount_t taken;		/* ports, and searches under way */
	spinlock_t lock;		/* few; BH off */
	struct rcu_head rcu;
	unsigned long *bits;		/* NULL: few [lock, acquire] */
	u16 few_count;			/* [lock] */
	u16 few[PORTS_FEW];		/* in no order [lock] */
};

/* Where to look: at @tries ports from @start on, which goes on at @min. */
struct port_search {
	unsigned int min;
	unsigned int count;
	unsigned int start;
	unsigned int tries;
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
	spin_lock_init(&map->lock);

	old = rhashtable_lookup_get_insert_fast(&portmaps, &map->node,
						portmap_params);
	if (!old)
		return map;
	kfree(map);
	if (IS_ERR(old))
		return ERR_PTR(-ENOMEM);
	return refcount_inc_not_zero(&old->taken) ? old : NULL;
}

/* Nothing happens when somebody else has done it. */
static void portmap_remove(struct fnat_portmap *map)
{
	rhashtable_remove_fast(&portmaps, &map->node, portmap_params);
}

/*
 * ERR_PTR(-ENOMEM) when there is no memory for one. Caller is in an RCU read
 * section.
 */
static struct fnat_portmap *portmap_get(const struct fnat_portmap_key *key)
{
	struct fnat_portmap *map;
	int tries;

	for (tries = 0; tries < 64; tries++) {
		map = rhashtable_lookup(&portmaps, key, portmap_params);
		if (map && !refcount_inc_not_zero(&map->taken)) {
			/* Who gave its last port back may be held up. */
			portmap_remove(map);
			map = NULL;
		}
		if (!map)
			map = portmap_add(key);
		if (map)
			return map;
	}
	return ERR_PTR(-ENOMEM);
}

static void portmap_put(struct fnat_portmap *map)
{
	if (!refcount_dec_and_test(&map->taken))
		return;
	portmap_remove(map);
	/* Who finds the map still does not get at its ports. */
	kfree(map->bits);
	kfree_rcu(map, rcu);
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
 * At no more than fullnat_lport_tries ports of the range, from a random one
 * upwards and on from the lowest. False: there is none.
 */
static bool search_begin(const struct fnat_sysctl *sysctl,
			 struct port_search *search)
{
	if (!fnat_ports_range(sysctl, &search->min, &search->count))
		return false;
	search->min -= FNAT_LPORT_FLOOR;
	search->start = search->min + get_random_u32_below(search->count);
	search->tries = min_t(unsigned int, READ_ONCE(sysctl->lport_tries),
			      search->count);
	return true;
}

static int bits_take(unsigned long *bits, const struct port_search *search)
{
	unsigned int end, bit;

	end = min(search->start + search->tries, search->min + search->count);
	bit = take_bit(bits, search->start, end);
	if (bit < end)
		return bit;
	end = search->min + search->tries - (end - search->start);
	bit = take_bit(bits, search->min, end);
	if (bit < end)
		return bit;
	return -EADDRINUSE;
}

/* Where @port is in the list, or few_count. Caller: map->lock. */
static unsigned int few_index(const struct fnat_portmap *map, unsigned int port)
{
	unsigned int i;

	for (i = 0; i < map->few_count; i++)
		if (map->few[i] == port)
			break;
	return i;
}

/* There is room for one more. Caller: map->lock. */
static int few_take(struct fnat_portmap *map, const struct port_search *search)
{
	unsigned int i, port = search->start;

	for (i = 0; i < search->tries; i++) {
		if (few_index(map, port) == map->few_count) {
			map->few[map->few_count++] = port;
			return port;
		}
		if (++port == search->min + search->count)
			port = search->min;
	}
	return -EADDRINUSE;
}

/* The bitmap of what the list has, or NULL: no memory. Caller: map->lock. */
static unsigned long *few_to_bits(const struct fnat_portmap *map)
{
	unsigned long *bits = kcalloc(BITS_TO_LONGS(FNAT_LPORT_COUNT),
				      sizeof(*bits), GFP_ATOMIC | __GFP_NOWARN);
	unsigned int i;

	for (i = 0; bits && i < map->few_count; i++)
		__set_bit(map->few[i], bits);
	return bits;
}

/* A port, -EADDRINUSE, or -ENOMEM. */
static int map_take(struct fnat_portmap *map, const struct port_search *search)
{
	/* Pairs with the release below. */
	unsigned long *bits = smp_load_acquire(&map->bits);
	int port = -ENOMEM;

	if (bits)
		return bits_take(bits, search);
	spin_lock_bh(&map->lock);
	if (!map->bits && map->few_count == PORTS_FEW)
		/* Pairs with the acquire above, and in map_give(). */
		smp_store_release(&map->bits, few_to_bits(map));
	bits = map->bits;
	if (!bits && map->few_count < PORTS_FEW)
		port = few_take(map, search);
	spin_unlock_bh(&map->lock);
	return bits ? bits_take(bits, search) : port;
}

static void map_give(struct fnat_portmap *map, unsigned int port)
{
	/* Pairs with the release in map_take(). */
	unsigned long *bits = smp_load_acquire(&map->bits);

	if (!bits) {
		spin_lock_bh(&map->lock);
		bits = map->bits;
		if (!bits)
			map->few[few_index(map, port)] =
				map->few[--map->few_count];
		spin_unlock_bh(&map->lock);
	}
	if (bits)
		clear_bit_unlock(port, bits);
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
		.rport = rport,
		.protocol = protocol,
	};
	struct port_search search;
	struct fnat_portmap *map;
	int port;

	ip_vs_addr_copy(laddr->af, &key.rip, rip);
	if (!search_begin(&laddr->fn->sysctl, &search))
		return ERR_PTR(-EADDRINUSE);
	map = portmap_get(&key);
	if (IS_ERR(map))
		return map;
	port = map_take(map, &search);
	if (port < 0) {
		portmap_put(map);
		return ERR_PTR(port);
	}
	*lport = htons(port + FNAT_LPORT_FLOOR);
	return map;
}

/* The connection must have left the table of connections before. */
void fnat_ports_give(struct fnat_portmap *map, __be16 lport)
{
	map_give(map, ntohs(lport) - FNAT_LPORT_FLOOR);
	portmap_put(map);
}

int fnat_ports_init(void)
{
	return rhashtable_init(&portmaps, &portmap_params);
}

void fnat_ports_exit(void)
{
	rhashtable_destroy(&portmaps);
}
