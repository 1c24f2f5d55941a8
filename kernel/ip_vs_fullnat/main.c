// SPDX-License-Identifier: GPL-2.0-only
/* Module and namespace life cycle: each exit is its init backwards. */
#include <linux/module.h>
#include <linux/slab.h>

#include "fnat.h"
#include "version.h"

/* What net_generic() holds; the object outlives it while connections do. */
struct fnat_net_ref {
	struct fnat_net *fn;
};

static unsigned int fnat_net_id __read_mostly;

struct fnat_net *fnat_net(const struct net *net)
{
	const struct fnat_net_ref *ref = net_generic(net, fnat_net_id);

	return ref->fn;
}

static void net_free(struct fnat_net *fn)
{
	fnat_synproxy_net_free(fn);
	free_percpu(fn->turn);
	free_percpu(fn->stats);
	kfree(fn);
}

static void net_free_rcu(struct rcu_head *rcu)
{
	net_free(container_of(rcu, struct fnat_net, rcu));
}

void fnat_net_get(struct fnat_net *fn)
{
	refcount_inc(&fn->refcnt);
}

void fnat_net_put(struct fnat_net *fn)
{
	if (refcount_dec_and_test(&fn->refcnt))
		call_rcu(&fn->rcu, net_free_rcu);
}

static struct fnat_net *net_alloc(struct net *net)
{
	struct fnat_net *fn = kzalloc(sizeof(*fn), GFP_KERNEL);

	if (!fn)
		return NULL;
	fn->stats = alloc_percpu(struct fnat_stats);
	fn->turn = alloc_percpu(unsigned int);
	if (!fn->stats || !fn->turn || fnat_synproxy_net_init(fn)) {
		net_free(fn);
		return NULL;
	}
	fn->net = net;
	refcount_set(&fn->refcnt, 1);
	mutex_init(&fn->lock);
	INIT_LIST_HEAD(&fn->services);
	/* Netlink takes a sequence number of 0 for "not given". */
	fn->generation = 1;
	spin_lock_init(&fn->laddr_lock);
	fnat_zone_net_init(fn);
	fnat_uplink_net_init(fn);
	return fn;
}

static int __net_init net_init(struct net *net)
{
	struct fnat_net_ref *ref = net_generic(net, fnat_net_id);
	int err;

	ref->fn = net_alloc(net);
	if (!ref->fn)
		return -ENOMEM;
	err = fnat_sysctl_net_init(ref->fn);
	if (err)
		goto err_free;
	err = fnat_procfs_net_init(ref->fn);
	if (err)
		goto err_sysctl;
	err = fnat_hooks_net_init(net);
	if (err)
		goto err_procfs;
	return 0;

err_procfs:
	fnat_procfs_net_exit(ref->fn);
err_sysctl:
	fnat_sysctl_net_exit(ref->fn);
err_free:
	net_free(ref->fn);
	return err;
}

/* Packets stop here; a grace period passes before net_exit(). */
static void __net_exit net_pre_exit(struct net *net)
{
	WRITE_ONCE(fnat_net(net)->exiting, true);
	fnat_hooks_net_exit(net);
}

/*
 * Runs before stock flushes the namespace's connections: those hold references
 * to the object and give them back when their done_conn() is called.
 */
static void __net_exit net_exit(struct net *net)
{
	struct fnat_net_ref *ref = net_generic(net, fnat_net_id);

	fnat_uplink_net_exit(ref->fn);
	fnat_procfs_net_exit(ref->fn);
	fnat_sysctl_net_exit(ref->fn);
	mutex_lock(&ref->fn->lock);
	fnat_svc_flush(ref->fn);
	fnat_zone_flush(ref->fn);
	mutex_unlock(&ref->fn->lock);
	fnat_net_put(ref->fn);
}

static struct pernet_operations fnat_net_ops = {
	.init = net_init,
	.pre_exit = net_pre_exit,
	.exit = net_exit,
	.id = &fnat_net_id,
	.size = sizeof(struct fnat_net_ref),
};

static void __net_exit net_dev_exit(struct net *net)
{
	fnat_conn_forget_routes(fnat_net(net));
}

/* Exits of pernet devices run before those of subsystems and devices. */
static struct pernet_operations fnat_net_dev_ops = {
	.exit = net_dev_exit,
};

static int __init fnat_init(void)
{
	int err;

	fnat_attach_init();
	fnat_tcp_init();
	fnat_synproxy_init();
	err = fnat_ports_init();
	if (err)
		return err;
	err = fnat_conn_init();
	if (err)
		goto err_ports;
	err = fnat_svc_init();
	if (err)
		goto err_conn;
	err = fnat_source_init();
	if (err)
		goto err_svc;
	err = fnat_snat_conn_init();
	if (err)
		goto err_source;
	err = register_pernet_subsys(&fnat_net_ops);
	if (err)
		goto err_snat_conn;
	err = register_pernet_device(&fnat_net_dev_ops);
	if (err)
		goto err_net;
	err = fnat_uplink_init();
	if (err)
		goto err_net_dev;
	err = genl_register_family(&fnat_genl_family);
	if (err)
		goto err_uplink;
	pr_info("FULLNAT for IPVS, version %s\n", IPVS_FULLNAT_VERSION);
	return 0;

err_uplink:
	fnat_uplink_exit();
err_net_dev:
	unregister_pernet_device(&fnat_net_dev_ops);
err_net:
	unregister_pernet_subsys(&fnat_net_ops);
	/* net_free_rcu() is our code. */
	rcu_barrier();
err_snat_conn:
	fnat_snat_conn_exit();
err_source:
	fnat_source_exit();
err_svc:
	fnat_svc_exit();
err_conn:
	fnat_conn_exit();
err_ports:
	fnat_ports_exit();
	return err;
}

/* No connection is bound: each holds a reference to the module. */
static void __exit fnat_exit(void)
{
	genl_unregister_family(&fnat_genl_family);
	fnat_uplink_exit();
	unregister_pernet_device(&fnat_net_dev_ops);
	unregister_pernet_subsys(&fnat_net_ops);
	/* Timers of proxied connections, that find them gone. */
	synchronize_rcu();
	rcu_barrier();
	fnat_snat_conn_exit();
	fnat_source_exit();
	fnat_svc_exit();
	fnat_conn_exit();
	fnat_ports_exit();
}

module_init(fnat_init);
module_exit(fnat_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("FULLNAT for IPVS");
MODULE_VERSION(IPVS_FULLNAT_VERSION);
MODULE_ALIAS_GENL_FAMILY(IPVS_FNAT_GENL_NAME);
