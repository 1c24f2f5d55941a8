// SPDX-License-Identifier: GPL-2.0-only
/* Which options are taken: their kinds, and the networks of the directors. */
#include <linux/inet.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "toa.h"

/* What stands between the words of a list. */
#define SEPARATORS	", \t\n"
#define WORD_MAX	64

/*
 * Copies the next word of @text to @word and moves on. Returns its length, 0
 * at the end, or -EINVAL when it is too long to be anything.
 */
static int next_word(const char **text, char *word)
{
	size_t len;

	*text += strspn(*text, SEPARATORS);
	len = strcspn(*text, SEPARATORS);
	if (len >= WORD_MAX)
		return -EINVAL;
	memcpy(word, *text, len);
	word[len] = '\0';
	*text += len;
	return len;
}

/* "254,253,200". An empty list takes no option at all. */
int toa_kinds_parse(const char *text, struct toa_kinds *kinds)
{
	char word[WORD_MAX];
	unsigned int kind;
	int len;

	memset(kinds, 0, sizeof(*kinds));
	while ((len = next_word(&text, word)) > 0) {
		if (kstrtouint(word, 10, &kind) || toa_kind_is_taken(kind))
			return -EINVAL;
		toa_kinds_add(kinds, kind);
	}
	return len;
}

/* Appends to @buf, of which @at bytes are in use. */
static int append(char *buf, int size, int at, const char *word)
{
	return at + scnprintf(buf + at, size - at, at ? ",%s" : "%s", word);
}

int toa_kinds_format(const struct toa_kinds *kinds, char *buf, int size)
{
	char word[WORD_MAX];
	int kind, at = 0;

	buf[0] = '\0';
	for (kind = 255; kind >= 0; kind--) {
		if (!toa_kinds_has(kinds, kind))
			continue;
		scnprintf(word, sizeof(word), "%d", kind);
		at = append(buf, size, at, word);
	}
	return at;
}

/* Clears what is behind the prefix, for comparing and for showing. */
static void prefix_mask(struct toa_prefix *p)
{
	struct in6_addr addr = p->addr;

	ipv6_addr_prefix(&p->addr, &addr, p->len);
}

/* "10.0.0.0/24", "2001:db8::/64" or an address, for a host. */
static int prefix_parse(char *word, struct toa_prefix *p)
{
	char *slash = strchr(word, '/');
	unsigned int len, max = 128, base = 0;
	__be32 addr;

	if (slash)
		*slash++ = '\0';
	if (in4_pton(word, -1, (u8 *)&addr, -1, NULL)) {
		ipv6_addr_set_v4mapped(addr, &p->addr);
		max = 32;
		base = 96;
	} else if (!in6_pton(word, -1, p->addr.s6_addr, -1, NULL)) {
		return -EINVAL;
	}
	len = max;
	if (slash && (kstrtouint(slash, 10, &len) || len > max))
		return -EINVAL;
	p->len = base + len;
	prefix_mask(p);
	return 0;
}

/*
 * Reads a list into @prefixes, which has room for TOA_TRUSTED_MAX, and returns
 * how many there are. An empty list trusts nobody.
 */
int toa_trusted_parse(const char *text, struct toa_prefix *prefixes)
{
	char word[WORD_MAX];
	int len, n = 0;

	while ((len = next_word(&text, word)) > 0) {
		if (n == TOA_TRUSTED_MAX)
			return -E2BIG;
		if (prefix_parse(word, &prefixes[n]))
			return -EINVAL;
		n++;
	}
	return len < 0 ? len : n;
}

int toa_trusted_format(const struct toa_config *config, char *buf, int size)
{
	const struct toa_prefix *p = config->trusted;
	char word[WORD_MAX];
	unsigned int i;
	int at = 0;

	buf[0] = '\0';
	for (i = 0; i < config->n_trusted; i++, p++) {
		if (ipv6_addr_v4mapped(&p->addr) && p->len >= 96)
			scnprintf(word, sizeof(word), "%pI4/%u",
				  &p->addr.s6_addr32[3], p->len - 96);
		else
			scnprintf(word, sizeof(word), "%pI6c/%u",
				  &p->addr, p->len);
		at = append(buf, size, at, word);
	}
	return at;
}

/* Is it a director's address? */
bool toa_trusted(const struct toa_config *config, const struct in6_addr *addr)
{
	bool v4 = ipv6_addr_v4mapped(addr);
	unsigned int i;

	for (i = 0; i < config->n_trusted; i++) {
		const struct toa_prefix *p = &config->trusted[i];

		/* ::/0 is about IPv6. */
		if (ipv6_prefix_equal(addr, &p->addr, p->len) &&
		    (!v4 || p->len >= 96))
			return true;
	}
	return false;
}

struct toa_config *toa_config_alloc(unsigned int n_trusted)
{
	struct toa_config *config;

	config = kzalloc(struct_size(config, trusted, n_trusted), GFP_KERNEL);
	if (config)
		config->n_trusted = n_trusted;
	return config;
}

/* A configuration out of two lists, or an error pointer. */
struct toa_config *toa_config_parse(const char *kinds, const char *trusted)
{
	struct toa_prefix *prefixes;
	struct toa_config *config;
	int n;

	prefixes = kcalloc(TOA_TRUSTED_MAX, sizeof(*prefixes), GFP_KERNEL);
	if (!prefixes)
		return ERR_PTR(-ENOMEM);
	n = toa_trusted_parse(trusted, prefixes);
	if (n < 0) {
		config = ERR_PTR(n);
		goto out;
	}
	config = toa_config_alloc(n);
	if (!config) {
		config = ERR_PTR(-ENOMEM);
		goto out;
	}
	memcpy(config->trusted, prefixes, n * sizeof(*prefixes));
	n = toa_kinds_parse(kinds, &config->kinds);
	if (n < 0) {
		kfree(config);
		config = ERR_PTR(n);
	}
out:
	kfree(prefixes);
	return config;
}
