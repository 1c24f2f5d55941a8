// SPDX-License-Identifier: GPL-2.0-only
/* Module and namespace life cycle: each exit is its init backwards. */
#include <linux/module.h>
#include <linux/slab.h>
#include <net/netns/generic.h>

#include "toa.h"
#include "version.h"

#define KINDS_DEFAULT	"254,253,200"
#define TRUST_ALL	"0.0.0.0/0,::/0"

static int enable = TOA_ON;
module_param(enable, int, 0444);
MODULE_PARM_DESC(enable, "net.toa.enable of new namespaces: 0 off, 1 on (default), 2 drain");

static char *kinds = KINDS_DEFAULT;
module_param(kinds, charp, 0444);
MODULE_PARM_DESC(kinds, "net.toa.kinds of new namespaces (default " KINDS_DEFAULT ")");

static char *trusted = TRUST_ALL;
module_param(trusted, charp, 0444);
MODULE_PARM_DESC(trusted, "net.toa.trusted of new namespaces (default " TRUST_ALL ")");

static bool syn = true;
module_param(syn, bool, 0444);
MODULE_PARM_DESC(syn, "see options on SYNs, too, not only on what follows (default Y)");

/* All namespaces at once. */
bool toa_drain;
module_param_named(drain, toa_drain, bool, 0644);
MODULE_PARM_DESC(drain, "learn of no new clients, before unloading");

/* Connections whose client is known, in all namespaces. */
static int live_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", toa_store_live());
}

static const struct kernel_param_ops live_ops = {
	.get = live_get,
};

module_param_cb(live, &live_ops, NULL, 0444);
MODULE_PARM_DESC(live, "connections whose client is known");

static unsigned int toa_net_id __read_mostly;

/* For a namespace that is not on its way out. */
struct toa_net *toa_net(const struct net *net)
{
	return net_generic(net, toa_net_id);
}

/*
 * The same for any namespace, within an RCU read section, which net_generic()
 * would begin another of: sockets of the kernel can be there when ours is gone
 * already. A grace period passes between the end of the last reference and our
 * exit.
 */
struct toa_net *toa_net_rcu(const struct net *net)
{
	if (!check_net(net))
		return NULL;
	return rcu_dereference(net->gen)->ptr[toa_net_id];
}

static int __net_init net_init(struct net *net)
{
	struct toa_net *tn = toa_net(net);
	struct toa_config *config;
	int err;

	tn->net = net;
	tn->mode = enable;
	mutex_init(&tn->lock);
	config = toa_config_parse(kinds, trusted);
	if (IS_ERR(config))
		return PTR_ERR(config);
	rcu_assign_pointer(tn->config, config);
	err = -ENOMEM;
	tn->stats = alloc_percpu(struct toa_stats);
	if (!tn->stats)
		goto err_config;
	err = toa_sysctl_net_init(tn);
	if (err)
		goto err_stats;
	err = toa_procfs_net_init(tn);
	if (err)
		goto err_sysctl;
	return 0;

err_sysctl:
	toa_sysctl_net_exit(tn);
err_stats:
	free_percpu(tn->stats);
err_config:
	kfree(config);
	return err;
}

static void __net_exit net_exit(struct net *net)
{
	struct toa_net *tn = toa_net(net);

	toa_procfs_net_exit(tn);
	toa_sysctl_net_exit(tn);
	/* What the kernel's own sockets left, nearly always nothing. */
	if (toa_stat_sum(tn, TOA_STAT_ADDED) != toa_stat_sum(tn, TOA_STAT_FREED))
		toa_store_flush(net);
	free_percpu(tn->stats);
	kfree(rcu_dereference_protected(tn->config, true));
}

static struct pernet_operations toa_net_ops = {
	.init = net_init,
	.exit = net_exit,
	.id = &toa_net_id,
	.size = sizeof(struct toa_net),
};

/* What was given as parameters; a namespace would fail without saying why. */
static int params_check(void)
{
	struct toa_config *config = toa_config_parse(kinds, trusted);

	if (IS_ERR(config)) {
		if (PTR_ERR(config) != -ENOMEM)
			pr_err("a list of kinds or trusted networks is malformed\n");
		return PTR_ERR(config);
	}
	kfree(config);
	if (enable < TOA_OFF || enable > TOA_DRAIN) {
		pr_err("enable is 0, 1 or 2\n");
		return -EINVAL;
	}
	return 0;
}

static int hooks_init(void)
{
	int err = toa_getname_init();

	if (err)
		return err;
	err = toa_health_init();
	if (err)
		goto err_getname;
	err = toa_hooks_init(syn);
	if (err)
		goto err_health;
	return 0;

err_health:
	toa_health_exit();
err_getname:
	toa_getname_exit();
	return err;
}

static void hooks_exit(void)
{
	toa_hooks_stop();
	toa_health_exit();
	toa_getname_exit();
	toa_hooks_exit();
}

static int __init toa_init(void)
{
	int err = params_check();

	if (err)
		return err;
	toa_syn_init();
	err = toa_store_init();
	if (err)
		return err;
	err = register_pernet_subsys(&toa_net_ops);
	if (err)
		goto err_store;
	err = toa_sockopt_init();
	if (err)
		goto err_net;
	err = hooks_init();
	if (err)
		goto err_sockopt;
	pr_info("clients from TCP options, version %s\n", IPVS_FULLNAT_VERSION);
	if (!strcmp(trusted, TRUST_ALL))
		pr_notice("options from any source are taken: net.toa.trusted should have the directors' networks\n");
	return 0;

err_sockopt:
	toa_sockopt_exit();
err_net:
	unregister_pernet_subsys(&toa_net_ops);
err_store:
	toa_store_exit();
	return err;
}

/*
 * Possible at any time: connections stay, and their programs are told the wire's
 * addresses from then on. What can still call us goes first.
 */
static void __exit toa_exit(void)
{
	toa_sockopt_exit();
	hooks_exit();
	toa_store_flush(NULL);
	toa_syn_exit();
	unregister_pernet_subsys(&toa_net_ops);
	toa_store_exit();
}

module_init(toa_init);
module_exit(toa_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Real servers see their clients: TCP option TOA");
MODULE_VERSION(IPVS_FULLNAT_VERSION);
