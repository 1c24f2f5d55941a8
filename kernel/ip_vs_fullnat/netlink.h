/* SPDX-License-Identifier: GPL-2.0-only */
/* What the handlers of the IPVS_FULLNAT family share. */
#ifndef FNAT_NETLINK_H
#define FNAT_NETLINK_H

#include <net/genetlink.h>

#include "fnat.h"

/* netlink.c */
extern const struct nla_policy fnat_nl_policy[IPVS_FNAT_ATTR_MAX + 1];

int fnat_nl_parse_service(struct fnat_net *fn, const struct nlattr *nest,
			  struct fnat_svc_key *key, struct nlattr **svc_attrs,
			  struct netlink_ext_ack *extack);
int fnat_nl_parse_laddr(const struct nlattr *nest, u16 af,
			union nf_inet_addr *addr,
			struct netlink_ext_ack *extack);
int fnat_nl_put_addr(struct sk_buff *skb, int attr,
		     const union nf_inet_addr *addr);
int fnat_nl_put_key(struct sk_buff *skb, const struct fnat_svc_key *key);
void *fnat_nl_dump_msg(struct sk_buff *skb, struct netlink_callback *cb,
		       u8 cmd);
int fnat_nl_put_laddr(struct sk_buff *skb, const struct fnat_svc_laddr *entry);

enum fnat_nl_group {
	FNAT_NL_GROUP_CONFIG,
	FNAT_NL_GROUP_SNAT,
};

typedef int fnat_nl_put_fn(struct sk_buff *skb, const void *object);

void fnat_nl_notify_put(struct fnat_net *fn, u8 cmd, fnat_nl_put_fn *put,
			const void *object, const union nf_inet_addr *laddr);
void fnat_nl_notify(struct fnat_net *fn, u8 cmd,
		    const struct fnat_svc_key *key,
		    const union nf_inet_addr *laddr);

/* nl_service.c; what a dump of services keeps in cb->args */
enum {
	FNAT_NL_DUMP_DONE,	/* services */
	FNAT_NL_DUMP_WITHIN,	/* of the next one, for who fills it */
};

typedef int fnat_nl_fill_fn(struct sk_buff *skb, struct netlink_callback *cb,
			    struct fnat_net *fn, const struct fnat_svc *svc);

int fnat_nl_dump_services(struct sk_buff *skb, struct netlink_callback *cb,
			  fnat_nl_fill_fn *fill);
int fnat_nl_set_service(struct sk_buff *skb, struct genl_info *info);
int fnat_nl_del_service(struct sk_buff *skb, struct genl_info *info);
int fnat_nl_dump_service(struct sk_buff *skb, struct netlink_callback *cb);
int fnat_nl_put_flags(struct sk_buff *skb, const struct fnat_svc *svc);
int fnat_nl_flush(struct sk_buff *skb, struct genl_info *info);

/* nl_laddr.c */
int fnat_nl_new_laddr(struct sk_buff *skb, struct genl_info *info);
int fnat_nl_del_laddr(struct sk_buff *skb, struct genl_info *info);
int fnat_nl_dump_laddr(struct sk_buff *skb, struct netlink_callback *cb);

/* nl_zone.c */
extern const struct nla_policy fnat_nl_zone_policy[IPVS_FNAT_ZONE_ATTR_MAX + 1];

int fnat_nl_new_zone(struct sk_buff *skb, struct genl_info *info);
int fnat_nl_set_zone(struct sk_buff *skb, struct genl_info *info);
int fnat_nl_del_zone(struct sk_buff *skb, struct genl_info *info);
int fnat_nl_dump_zone(struct sk_buff *skb, struct netlink_callback *cb);
int fnat_nl_change_laddr_zone(struct sk_buff *skb, struct genl_info *info);
int fnat_nl_dump_laddr_zone(struct sk_buff *skb, struct netlink_callback *cb);

/* nl_info.c */
int fnat_nl_get_info(struct sk_buff *skb, struct genl_info *info);
int fnat_nl_dump_stats(struct sk_buff *skb, struct netlink_callback *cb);
int fnat_nl_drain(struct sk_buff *skb, struct genl_info *info);

/* nl_conn.c */
int fnat_nl_put_conn(struct sk_buff *skb, const struct fnat_conn *c);
int fnat_nl_start_conn(struct netlink_callback *cb);
int fnat_nl_dump_conn(struct sk_buff *skb, struct netlink_callback *cb);
int fnat_nl_done_conn(struct netlink_callback *cb);

#endif /* FNAT_NETLINK_H */
