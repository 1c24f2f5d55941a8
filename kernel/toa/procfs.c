// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/toa_stats: counters. /proc/net/toa_conn: who is behind what. */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "toa.h"

#define STATS_FILE	"toa_stats"
#define CONN_FILE	"toa_conn"
#define WALK_BATCH	4096

struct conn_seq {
	const struct net *net;
	struct rhashtable_iter iter;
	unsigned int seen;
};

/* The next connection of this namespace, from @e on. */
static struct toa_entry *conn_pick(struct seq_file *seq, struct toa_entry *e)
{
	struct conn_seq *s = seq->private;

	while (e && (IS_ERR(e) || e->wire.net != s->net)) {
		/* Others may have many. */
		if (++s->seen % WALK_BATCH == 0) {
			rhashtable_walk_stop(&s->iter);
			cond_resched();
			rhashtable_walk_start(&s->iter);
		}
		e = rhashtable_walk_next(&s->iter);
	}
	return e;
}

static void *conn_start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	struct conn_seq *s = seq->private;

	if (*pos == 0) {
		rhashtable_walk_exit(&s->iter);
		rhashtable_walk_enter(&toa_conns, &s->iter);
	}
	rhashtable_walk_start(&s->iter);
	if (*pos == 0)
		return SEQ_START_TOKEN;
	return conn_pick(seq, rhashtable_walk_peek(&s->iter));
}

static void *conn_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct conn_seq *s = seq->private;

	++*pos;
	return conn_pick(seq, rhashtable_walk_next(&s->iter));
}

static void conn_stop(struct seq_file *seq, void *v)
	__releases(RCU)
{
	struct conn_seq *s = seq->private;

	rhashtable_walk_stop(&s->iter);
}

static void show_addr(struct seq_file *seq, const struct in6_addr *addr,
		      __be16 port)
{
	if (toa_addr_is_v4(addr))
		seq_printf(seq, "%pI4:%u", &addr->s6_addr32[3], ntohs(port));
	else
		seq_printf(seq, "[%pI6c]:%u", addr, ntohs(port));
}

static int conn_show(struct seq_file *seq, void *v)
{
	const struct toa_entry *e = v;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "Local Peer Client\n");
		return 0;
	}
	show_addr(seq, &e->wire.laddr, e->wire.lport);
	seq_putc(seq, ' ');
	show_addr(seq, &e->wire.raddr, e->wire.rport);
	seq_putc(seq, ' ');
	show_addr(seq, &e->client.addr, e->client.port);
	seq_putc(seq, '\n');
	return 0;
}

static const struct seq_operations conn_seq_ops = {
	.start = conn_start,
	.next = conn_next,
	.stop = conn_stop,
	.show = conn_show,
};

static int conn_open(struct inode *inode, struct file *file)
{
	struct conn_seq *s = __seq_open_private(file, &conn_seq_ops,
						sizeof(*s));
	const struct toa_net *tn = pde_data(inode);

	if (!s)
		return -ENOMEM;
	s->net = tn->net;
	rhashtable_walk_enter(&toa_conns, &s->iter);
	return 0;
}

static int conn_release(struct inode *inode, struct file *file)
{
	struct conn_seq *s = ((struct seq_file *)file->private_data)->private;

	rhashtable_walk_exit(&s->iter);
	return seq_release_private(inode, file);
}

static const struct proc_ops conn_proc_ops = {
	.proc_open = conn_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = conn_release,
};

int toa_procfs_net_init(struct toa_net *tn)
{
	struct proc_dir_entry *dir = tn->net->proc_net;

	if (!proc_create_net_single(STATS_FILE, 0444, dir, toa_stats_show,
				    NULL))
		return -ENOMEM;
	/* Addresses of clients are for the administrator. */
	if (!proc_create_data(CONN_FILE, 0400, dir, &conn_proc_ops, tn)) {
		remove_proc_entry(STATS_FILE, dir);
		return -ENOMEM;
	}
	return 0;
}

void toa_procfs_net_exit(struct toa_net *tn)
{
	/* Waits for readers, and closes what they have open. */
	remove_proc_entry(CONN_FILE, tn->net->proc_net);
	remove_proc_entry(STATS_FILE, tn->net->proc_net);
}
