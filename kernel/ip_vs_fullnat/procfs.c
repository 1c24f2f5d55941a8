// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/ip_vs_ext_stats: counters.
 * /proc/net/ip_vs_fullnat_conn: connections with their local address. Stock's
 * ip_vs_conn keeps its columns, which tools rely on.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "fnat.h"

#define STATS_FILE	"ip_vs_ext_stats"
#define CONN_FILE	"ip_vs_fullnat_conn"

struct conn_seq {
	const struct fnat_net *fn;
	struct rhashtable_iter iter;
	unsigned int seen;
};

/* The next connection of this namespace, from @c on. */
static struct fnat_conn *conn_pick(struct seq_file *seq, struct fnat_conn *c)
{
	struct conn_seq *s = seq->private;

	if (!atomic_read(&s->fn->conns))
		return NULL;
	while (c && (IS_ERR(c) || c->fn != s->fn)) {
		fnat_conn_walk_pause(&s->iter, &s->seen);
		c = rhashtable_walk_next(&s->iter);
	}
	return c;
}

static void *conn_start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	struct conn_seq *s = seq->private;

	if (*pos == 0) {
		rhashtable_walk_exit(&s->iter);
		fnat_conn_walk_enter(&s->iter);
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

static int conn_show(struct seq_file *seq, void *v)
{
	const struct fnat_conn *c = v;
	const struct ip_vs_conn *cp;
	long left;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "Pro Client Virtual Local Real Expires\n");
		return 0;
	}
	cp = c->cp;
	seq_puts(seq, ip_vs_proto_name(cp->protocol));
	if (cp->af == AF_INET6)
		seq_printf(seq, " [%pI6c]:%u [%pI6c]:%u [%pI6c]:%u [%pI6c]:%u",
			   &cp->caddr.in6, ntohs(cp->cport),
			   &cp->vaddr.in6, ntohs(cp->vport),
			   &c->tuple.lip.in6, ntohs(c->tuple.lport),
			   &c->tuple.rip.in6, ntohs(c->tuple.rport));
	else
		seq_printf(seq, " %pI4:%u %pI4:%u %pI4:%u %pI4:%u",
			   &cp->caddr.ip, ntohs(cp->cport),
			   &cp->vaddr.ip, ntohs(cp->vport),
			   &c->tuple.lip.ip, ntohs(c->tuple.lport),
			   &c->tuple.rip.ip, ntohs(c->tuple.rport));
	left = cp->timer.expires - jiffies;
	seq_printf(seq, " %u\n", left > 0 ? jiffies_to_msecs(left) / 1000 : 0);
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

	if (!s)
		return -ENOMEM;
	s->fn = pde_data(inode);
	fnat_conn_walk_enter(&s->iter);
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

int fnat_procfs_net_init(struct fnat_net *fn)
{
	struct proc_dir_entry *dir = fn->net->proc_net;

	if (!proc_create_net_single(STATS_FILE, 0444, dir, fnat_stats_show,
				    NULL))
		return -ENOMEM;
	/* Addresses of clients are for the administrator. */
	if (!proc_create_data(CONN_FILE, 0400, dir, &conn_proc_ops, fn)) {
		remove_proc_entry(STATS_FILE, dir);
		return -ENOMEM;
	}
	return 0;
}

void fnat_procfs_net_exit(struct fnat_net *fn)
{
	/* Waits for readers, and closes what they have open. */
	remove_proc_entry(CONN_FILE, fn->net->proc_net);
	remove_proc_entry(STATS_FILE, fn->net->proc_net);
}
