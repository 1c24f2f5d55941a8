// SPDX-License-Identifier: GPL-2.0-only
/* net.toa.*: the settings of a namespace. */
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "toa.h"

/* Room for TOA_TRUSTED_MAX networks as they are written. */
#define TEXT_MAX	4096

static int mode_max = TOA_DRAIN;

/* Which of the two lists of the configuration a file shows. */
enum list {
	LIST_KINDS,
	LIST_TRUSTED,
};

static void text_of(struct toa_net *tn, enum list list, char *text)
{
	const struct toa_config *config;

	rcu_read_lock();
	config = rcu_dereference(tn->config);
	if (list == LIST_KINDS)
		toa_kinds_format(&config->kinds, text, TEXT_MAX);
	else
		toa_trusted_format(config, text, TEXT_MAX);
	rcu_read_unlock();
}

/* The other list stays as it is. */
static int take_text(struct toa_net *tn, enum list list, const char *text)
{
	struct toa_config *old, *config;
	char *kept;

	kept = kmalloc(TEXT_MAX, GFP_KERNEL);
	if (!kept)
		return -ENOMEM;
	mutex_lock(&tn->lock);
	old = rcu_dereference_protected(tn->config, lockdep_is_held(&tn->lock));
	text_of(tn, list == LIST_KINDS ? LIST_TRUSTED : LIST_KINDS, kept);
	config = list == LIST_KINDS ? toa_config_parse(text, kept) :
				      toa_config_parse(kept, text);
	if (!IS_ERR(config)) {
		rcu_assign_pointer(tn->config, config);
		kfree_rcu(old, rcu);
	}
	mutex_unlock(&tn->lock);
	kfree(kept);
	return PTR_ERR_OR_ZERO(config);
}

static int do_list(COMPAT_CTL_CONST struct ctl_table *table, int write,
		   void *buffer, size_t *lenp, loff_t *ppos)
{
	enum list list = (unsigned long)table->extra1;
	struct toa_net *tn = table->extra2;
	struct ctl_table text = { .maxlen = TEXT_MAX };
	int err;

	/* A list is written at once or not at all. */
	if (write && (*ppos || *lenp >= TEXT_MAX))
		return -EINVAL;
	text.data = kzalloc(TEXT_MAX, GFP_KERNEL);
	if (!text.data)
		return -ENOMEM;
	if (!write)
		text_of(tn, list, text.data);
	err = proc_dostring(&text, write, buffer, lenp, ppos);
	if (!err && write)
		err = take_text(tn, list, text.data);
	kfree(text.data);
	return err;
}

static const struct ctl_table template[] = {
	{
		/* enum toa_mode */
		.procname	= "enable",
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &mode_max,
	},
	{
		/* option kinds that are taken */
		.procname	= "kinds",
		.mode		= 0644,
		.proc_handler	= do_list,
		.extra1		= (void *)LIST_KINDS,
	},
	{
		/* networks of directors */
		.procname	= "trusted",
		.mode		= 0644,
		.proc_handler	= do_list,
		.extra1		= (void *)LIST_TRUSTED,
	},
};

int toa_sysctl_net_init(struct toa_net *tn)
{
	struct ctl_table *table;
	unsigned int i;

	/* One empty entry behind: older kernels look for it. */
	table = kcalloc(ARRAY_SIZE(template) + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	memcpy(table, template, sizeof(template));
	table[0].data = &tn->mode;
	for (i = 1; i < ARRAY_SIZE(template); i++)
		table[i].extra2 = tn;

	tn->sysctl_header = register_net_sysctl_sz(tn->net, "net/toa", table,
						   ARRAY_SIZE(template));
	if (!tn->sysctl_header) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

void toa_sysctl_net_exit(struct toa_net *tn)
{
	const struct ctl_table *table = tn->sysctl_header->ctl_table_arg;

	unregister_net_sysctl_table(tn->sysctl_header);
	kfree(table);
}
