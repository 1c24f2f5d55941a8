// SPDX-License-Identifier: GPL-2.0-only
/*
 * Are the return probes there? They can be switched off behind our back, by
 * debugfs kprobes/enabled. So sockets of our own are asked for their names from
 * time to time, and the probe says whether it saw that.
 */
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/workqueue.h>

#include "toa.h"

/* How often a busy machine looks. */
#define INTERVAL	(10 * HZ)

static DEFINE_MUTEX(lock);		/* protects tests and armed */
static struct socket *tests[2];
static bool armed = true;
static unsigned long next_look;
static void look_work(struct work_struct *work);
static DECLARE_WORK(work, look_work);

static bool probe_is_there(struct socket *sock)
{
	int before = atomic_read(&toa_getname_tests);
	struct sockaddr_storage addr;
	bool there;

	WRITE_ONCE(toa_getname_test, sock);
	kernel_getsockname(sock, (struct sockaddr *)&addr);
	there = atomic_read(&toa_getname_tests) != before;
	WRITE_ONCE(toa_getname_test, NULL);
	return there;
}

/* Looks now; says so in the log when it is not what it was. */
bool toa_health_check(void)
{
	bool there = true;
	unsigned int i;

	mutex_lock(&lock);
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		if (tests[i] && !probe_is_there(tests[i]))
			there = false;
	if (armed && !there)
		pr_warn("return probes are off (debugfs kprobes/enabled, sysctl kernel.ftrace_enabled): programs see the directors' addresses\n");
	else if (!armed && there)
		pr_notice("return probes are back, programs see their clients again\n");
	armed = there;
	mutex_unlock(&lock);
	return there;
}

static void look_work(struct work_struct *work)
{
	toa_health_check();
}

/* For each new connection: a look every now and then, by somebody else. */
void toa_health_look(void)
{
	unsigned long next = READ_ONCE(next_look);

	if (time_before(jiffies, next))
		return;
	WRITE_ONCE(next_look, jiffies + INTERVAL);
	schedule_work(&work);
}

/* IPv6 may be off: then there is nothing to test. */
static int tests_open(void)
{
	static const int families[] = { PF_INET, PF_INET6 };
	unsigned int i;
	int err = 0;

	mutex_lock(&lock);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		err = sock_create_kern(&init_net, families[i], SOCK_STREAM,
				       IPPROTO_TCP, &tests[i]);
		if (!err)
			continue;
		tests[i] = NULL;
		if (families[i] == PF_INET)
			break;
		err = 0;
	}
	mutex_unlock(&lock);
	return err;
}

/* With the probes registered: fails if they do nothing. */
int toa_health_init(void)
{
	int err = tests_open();

	next_look = jiffies + INTERVAL;
	if (!err && !toa_health_check())
		err = -ENXIO;
	if (err)
		toa_health_exit();
	return err;
}

/* No hook schedules the work any more. Counters may still be read. */
void toa_health_exit(void)
{
	unsigned int i;

	cancel_work_sync(&work);
	mutex_lock(&lock);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (tests[i])
			sock_release(tests[i]);
		tests[i] = NULL;
	}
	mutex_unlock(&lock);
}
