// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/toa_stats: counters. /proc/net/toa_conn: who is behind what. */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "toa.h"

#define STATS_FILE	"toa_stats"
#define CONN_FILE	"toa_conn"

/* Position 0 is the heading; n is bucket n - 1, a record with all that is in it. */
static void *conn_record(loff_t *pos)
{
	/* Most records may be of others, and be nothing here. */
	cond_resched();
	if (*pos == 0)
		return SEQ_START_TOKEN;
	*pos = toa_store_filled(*pos - 1) + 1;
	return *pos > toa_store_buckets() ? NULL : pos;
}

static void *conn_start(struct seq_file *seq, loff_t *pos)
{
	return conn_record(pos);
}

static void *conn_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return conn_record(pos);
}

static void conn_stop(struct seq_file *seq, void *v)
{
}

static void show_addr(struct seq_file *seq, const struct in6_addr *addr,
		      __be16 port)
{
	if (toa_addr_is_v4(addr))
		seq_printf(seq, "%pI4:%u", &addr->s6_addr32[3], ntohs(port));
	else
		seq_printf(seq, "[%pI6c]:%u", addr, ntohs(port));
}

static void show_entry(const struct toa_entry *e, void *arg)
{
	struct seq_file *seq = arg;

	if (e->wire.net != seq->private)
		return;
	show_addr(seq, &e->wire.laddr, e->wire.lport);
	seq_putc(seq, ' ');
	show_addr(seq, &e->wire.raddr, e->wire.rport);
	seq_putc(seq, ' ');
	show_addr(seq, &e->client.addr, e->client.port);
	seq_putc(seq, '\n');
}

static int conn_show(struct seq_file *seq, void *v)
{
	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "Local Peer Client\n");
		return 0;
	}
	rcu_read_lock();
	toa_store_each_rcu(*(loff_t *)v - 1, show_entry, seq);
	rcu_read_unlock();
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
	const struct toa_net *tn = pde_data(inode);
	int err = seq_open(file, &conn_seq_ops);

	if (!err)
		((struct seq_file *)file->private_data)->private = tn->net;
	return err;
}

static const struct proc_ops conn_proc_ops = {
	.proc_open = conn_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = seq_release,
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
