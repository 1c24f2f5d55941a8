// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where capture.c and store.c are called from: entry hooks of ftrace, and a
 * tracepoint. Probes of another kind will not do: a kprobe is skipped when its
 * CPU is in another one's handler already, and an interrupt can arrive there.
 *
 * Only arguments 0 to 3 are read: what is behind differs between kernels.
 */
#include <linux/ftrace.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <net/request_sock.h>

#include "toa.h"

#define ARG(type, n)	((type)TOA_FTRACE_ARG(regs, n))

static void notrace conn_request(struct TOA_FTRACE_REGS *regs)
{
	toa_on_conn_request(ARG(struct sock *, 2), ARG(struct sk_buff *, 3));
}

static void notrace reqsk_hash(struct TOA_FTRACE_REGS *regs)
{
	toa_on_reqsk_hash(ARG(struct sock *, 0), ARG(struct request_sock *, 1));
}

static void notrace reqsk_destructor(struct TOA_FTRACE_REGS *regs)
{
	toa_syn_del(ARG(struct request_sock *, 0));
}

static void notrace syn_recv_sock(struct TOA_FTRACE_REGS *regs)
{
	toa_on_syn_recv_sock(ARG(struct sock *, 0), ARG(struct sk_buff *, 1),
			     ARG(struct request_sock *, 2));
}

/* For IPv4 it calls the other one. */
static void notrace __maybe_unused syn_recv_sock_v6(struct TOA_FTRACE_REGS *regs)
{
	if (ARG(struct sk_buff *, 1)->protocol == htons(ETH_P_IPV6))
		syn_recv_sock(regs);
}

static void notrace hashdance(struct TOA_FTRACE_REGS *regs)
{
	/* The upper bits of a bool argument are anything. */
	toa_on_hashdance(ARG(struct sock *, 1), ARG(struct request_sock *, 2),
			 ARG(unsigned long, 3) & 0xff);
}

static void notrace queue_add(struct TOA_FTRACE_REGS *regs)
{
	toa_on_queue_add(ARG(struct sock *, 2), ARG(struct request_sock *, 1));
}

struct hook {
	const char *function;
	void (*func)(struct TOA_FTRACE_REGS *regs);
	bool for_syn;		/* can be done without: directors say it again */
	unsigned long ip;	/* 0 until it was called for the first time */
};

/* Where a hook is found; functions are 16 bytes apart at least. */
#define SLOTS		32
#define SLOT(ip)	((ip) / 16 % SLOTS)

static struct hook hooks[] = {
	{ "tcp_v4_syn_recv_sock", syn_recv_sock },
	{ "inet_csk_complete_hashdance", hashdance },
	{ "inet_csk_reqsk_queue_add", queue_add },
	{ "tcp_conn_request", conn_request, true },
	{ "inet_csk_reqsk_queue_hash_add", reqsk_hash, true },
	{ "tcp_v4_reqsk_destructor", reqsk_destructor, true },
#if IS_ENABLED(CONFIG_IPV6)
	{ "tcp_v6_syn_recv_sock", syn_recv_sock_v6 },
	{ "tcp_v6_reqsk_destructor", reqsk_destructor, true },
#endif
};

static struct hook *slots[SLOTS];

/* Not in its slot: another hook is, or its function is called for the first time. */
static noinline notrace struct hook *hook_learn(unsigned long ip)
{
	char name[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (READ_ONCE(hooks[i].ip) == ip)
			return &hooks[i];
	snprintf(name, sizeof(name), "%ps", (void *)ip);
	/* IPv6 may be a module, whose name is behind. */
	name[strcspn(name, " ")] = '\0';
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (strcmp(hooks[i].function, name))
			continue;
		WRITE_ONCE(hooks[i].ip, ip);
		WRITE_ONCE(slots[SLOT(ip)], &hooks[i]);
		return &hooks[i];
	}
	return NULL;
}

static void notrace on_function(unsigned long ip, unsigned long parent,
				struct ftrace_ops *op,
				struct TOA_FTRACE_REGS *regs)
{
	struct hook *h = READ_ONCE(slots[SLOT(ip)]);

	if (unlikely(!h || READ_ONCE(h->ip) != ip))
		h = hook_learn(ip);
	if (likely(h))
		h->func(regs);
}

/*
 * One for all functions, though one for each would save looking for the hook:
 * each takes two grace periods to remove, and they cannot share them.
 */
static struct ftrace_ops ops = {
	.func = on_function,
	/* ftrace cannot be switched off while it is in use */
	.flags = FTRACE_OPS_FL_PERMANENT | TOA_FTRACE_FLAGS,
};

static struct tracepoint *destroy_sock;

/* Frees the filter, too; ftrace_free_filter() is not in 5.10. */
static void functions_reset(void)
{
	ftrace_set_filter(&ops, NULL, 0, 1);
}

static int functions_filter(bool for_syn)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		const char *name = hooks[i].function;

		if (hooks[i].for_syn != for_syn)
			continue;
		err = ftrace_set_filter(&ops, (unsigned char *)name,
					strlen(name), 0);
		if (err) {
			pr_err("this kernel has no function %s to hook, see Kernels in docs/toa.md\n",
			       name);
			return err;
		}
	}
	return 0;
}

static int functions_add(bool syn)
{
	int err;

	/*
	 * These first, and all or none: what is kept of a SYN must be given
	 * back when the request ends.
	 */
	if (syn && functions_filter(true)) {
		pr_warn("options that are on the SYN only are not seen\n");
		functions_reset();
	}
	err = functions_filter(false);
	if (!err)
		err = register_ftrace_function(&ops);
	if (err == -EBUSY)
		pr_err("ftrace is switched off (sysctl kernel.ftrace_enabled)\n");
	if (err)
		functions_reset();
	return err;
}

static void functions_del(void)
{
	unregister_ftrace_function(&ops);
	functions_reset();
}

static void on_destroy_sock(void *data, struct sock *sk)
{
	toa_store_del(sk);
}

/* Its name is not exported. */
static void find_destroy_sock(struct tracepoint *tp, void *priv)
{
	if (!strcmp(tp->name, "tcp_destroy_sock"))
		destroy_sock = tp;
}

static int destroy_add(void)
{
	for_each_kernel_tracepoint(find_destroy_sock, NULL);
	if (!destroy_sock) {
		pr_err("this kernel has no tracepoint tcp_destroy_sock, see Kernels in docs/toa.md\n");
		return -ENOENT;
	}
	return tracepoint_probe_register(destroy_sock, on_destroy_sock, NULL);
}

static void destroy_del(void)
{
	tracepoint_probe_unregister(destroy_sock, on_destroy_sock, NULL);
	tracepoint_synchronize_unregister();
}

/* @syn: options that are on the SYN only are wanted, too. */
int toa_hooks_init(bool syn)
{
	int err = destroy_add();

	if (err)
		return err;
	err = functions_add(syn);
	if (err)
		destroy_del();
	return err;
}

/* Nothing of capture.c runs any more when this returns: no client comes in. */
void toa_hooks_stop(void)
{
	functions_del();
}

/* Behind the last who looks for a socket's client: it may not have gone. */
void toa_hooks_exit(void)
{
	destroy_del();
}
