/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network interfaces over rtnetlink. The queue_ functions add a change to the
 * connection's queue, which netlink_commit() carries out: what goes wrong is told there.
 * The others ask the kernel and return its answer; they fail with code 101. See
 * rtnetlink(7), linux/if_link.h.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_LINK_H
#define BRIDGE_CNI_PLUGIN_NETLINK_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <string.h>

#include "conf/base/addr.h"
#include "conf/identity.h"
#include "netlink.h"

#define LINK_KIND_MAX 16

struct link {
	unsigned int index; /* 0: there is no such link */
	char name[IF_NAMESIZE];
	char kind[LINK_KIND_MAX]; /* "bridge", "veth", …; "" for a physical one */
	struct mac_addr mac;
	uint32_t mtu;
	unsigned int master; /* index of the bridge that it is a port of; 0: none */
	/* a veth: the index of its other end, in that end's namespace; a macvlan or an
	 * ipvlan: that of its master, in the master's */
	unsigned int peer;
	bool peer_elsewhere; /* that one is in another namespace */
	int peer_ns_id; /* which the kernel calls so in this one; -1: it has no name */
	bool up;
	bool carrier; /* a veth: the other end is up as well */
	/* The kernel has noticed the carrier, which it leaves to a work queue. Until then it
	 * throws away what the link is to send. */
	bool operational;
	/* How often it has lost its carrier. A bridge does when it is set down, and when
	 * the last of its ports goes. */
	uint32_t carrier_losses;
	bool promisc; /* somebody has set it; the kernel may need it as well */
	/* Kernel parameters of this interface; -1: it has none of that name. */
	struct {
		int forwarding, route_localnet;
	} ipv4;
	struct {
		int accept_ra, forwarding, disabled;
		int force_forwarding; /* Linux 6.17; forwards without all.forwarding */
	} ipv6;
	struct { /* as a bridge port */
		bool hairpin, isolated;
		bool learning; /* addresses that frames come from */
		bool guard; /* a frame of spanning tree disables it */
		bool flood; /* gets frames for addresses that the bridge doesn't know */
		/* the bridge answers ARP requests for whom is behind it */
		bool proxy_arp;
		uint8_t state; /* BR_STATE_* of linux/if_bridge.h */
	} port;
	struct { /* as a bridge */
		bool can_filter_vlans; /* the kernel has CONFIG_BRIDGE_VLAN_FILTERING */
		bool filters_vlans;
		uint16_t default_vlan; /* of new ports, untagged; 0: none */
		bool spanning_tree; /* of the kernel or of a daemon */
		bool snooping; /* multicast frames go to members of their group */
		bool querier; /* it asks for them */
		uint32_t forward_delay; /* seconds */
		/* what crosses it goes through the rules of IPv4, of IPv6 */
		bool nf_call_iptables, nf_call_ip6tables;
	} bridge;
	/* as a macvlan or an ipvlan, whose master has the index @peer: MACVLAN_MODE_* or
	 * IPVLAN_MODE_* of linux/if_link.h */
	uint32_t mode;
	char alias[LINK_ALIAS_MAX];
};

/* Is the link of this kind ("bridge", "veth")? */
static inline bool link_is(const struct link *link, const char *kind)
{
	return strcmp(link->kind, kind) == 0;
}

struct bridge_spec {
	const char *name;
	struct mac_addr mac;
	bool filter_vlans;
	/* how many addresses it learns, where the kernel has that limit; 0: as the kernel
	 * has it */
	uint32_t learned_max;
};

struct veth_spec {
	const char *host_name, *peer_name;
	struct mac_addr host_mac, peer_mac;
	uint32_t mtu;
	unsigned int bridge; /* index: the host's end becomes its port */
	/* Another program makes it a port, of its own switch. Then nothing here is said of
	 * ports. */
	bool is_foreign;
	int peer_ns; /* descriptor of the namespace that the peer is made in */
	const char *alias; /* of the host's end */
	bool hairpin; /* frames may leave by the port that they came in by */
	bool isolated; /* no frames to other isolated ports */
	/* The port learns no addresses, and a frame of spanning tree disables it. False
	 * leaves both as they are. */
	bool guarded;
	/* The port learns no addresses, gets no frames for addresses that the bridge
	 * doesn't know, and unless it is isolated, the bridge answers for the pod where
	 * somebody asks for its MAC address. False leaves all of this as it is. */
	bool quiet;
	bool down; /* the host's end is not set up yet */
	bool no_link_local; /* no IPv6 address for the host's end, which nobody would use */
};

struct ifb_spec {
	const char *name;
	struct mac_addr mac;
	uint32_t mtu;
	const char *alias;
};

/* A link that shares another one, its master. */
struct macvlan_spec {
	const char *kind; /* "macvlan" or "ipvlan" */
	const char *name;
	unsigned int index; /* that it gets; 0: the kernel chooses */
	unsigned int master; /* its index in the connection's namespace */
	int ns; /* descriptor of the namespace that it is made in; -1: the connection's */
	struct mac_addr mac; /* not of an ipvlan; unset: the kernel chooses */
	uint32_t mtu; /* 0: the master's */
	uint32_t mode; /* MACVLAN_MODE_* or IPVLAN_MODE_* of linux/if_link.h */
	/* of a macvlan: frames to all that may wait for it; 0: as the kernel has it */
	uint32_t bc_queue_len;
};

/* @ret_link->index is 0 where there is none; that is no error. */
int link_get(struct netlink *nl, const char *name, struct link *ret_link,
	     struct cni_error *err);
int link_get_by_index(struct netlink *nl, unsigned int index, struct link *ret_link,
		      struct cni_error *err);

/* Makes a bridge, which is down. -EEXIST: the name is taken. */
void queue_bridge_add(struct netlink *nl, const struct bridge_spec *spec);

/*
 * Makes the pair, in one message: the host's end is up (unless @spec says otherwise) and
 * a port of the bridge, the peer is down, in its own namespace. Each end gets one queue:
 * with more of them the kernel waits for an RCU grace period for each end.
 */
void queue_veth_add(struct netlink *nl, const struct veth_spec *spec);
/*
 * Sets what the kernel only takes once the pair is there: alias, hairpin, isolation,
 * guards, quiet, and that there be no link-local address, which is refused where the link has no
 * IPv6. The message names the link. So it must be sent when the pair is known to be made:
 * sent along with queue_veth_add(), it would be carried out although that was refused,
 * and change somebody else's interface.
 */
void queue_veth_port(struct netlink *nl, const struct veth_spec *spec);

/* Makes a port of a link that is there, sets it up, and sets hairpin, isolated, guarded
 * and quiet of @spec. */
void queue_port_attach(struct netlink *nl, unsigned int index,
		       const struct veth_spec *spec);

/* Makes an ifb, which is up, with one queue. */
void queue_ifb_add(struct netlink *nl, const struct ifb_spec *spec);

/*
 * Makes a macvlan or an ipvlan, which is down, in its namespace and with its name there.
 * -EEXIST: somebody has the name, or the index. A kernel before Linux 6.15 looks for the
 * name in the connection's namespace as well, unless the message says an index.
 */
void queue_macvlan_add(struct netlink *nl, const struct macvlan_spec *spec);

/* Changes of a link that is there. */
void queue_link_mtu(struct netlink *nl, unsigned int index, const char *name,
		    uint32_t mtu);
void queue_link_promisc(struct netlink *nl, unsigned int index, const char *name);
void queue_vlan_filtering(struct netlink *nl, unsigned int index, const char *name);
/* Has a bridge ask who is a member of which multicast group, or no more. */
void queue_bridge_querier(struct netlink *nl, unsigned int index, const char *name,
			  bool on);
/* Has the link get no IPv6 link-local address when it is set up. */
void queue_link_no_link_local(struct netlink *nl, unsigned int index, const char *name);
/* Has the link announce its IPv4 addresses whenever it is set up. */
void queue_link_announces(struct netlink *nl, unsigned int index, const char *name);
/* Has the link take no ICMP redirects, of IPv4. */
void queue_link_no_redirects(struct netlink *nl, unsigned int index, const char *name);
void queue_link_up(struct netlink *nl, unsigned int index, const char *name);
void queue_link_down(struct netlink *nl, unsigned int index, const char *name);
void queue_link_mac(struct netlink *nl, unsigned int index, const char *name,
		    const struct mac_addr *mac);
void queue_link_alias(struct netlink *nl, unsigned int index, const char *name,
		      const char *alias);
void queue_link_del(struct netlink *nl, const char *name);

/* A link that was found. Messages use its index, as another link may have the name by
 * now. */
struct link_known {
	unsigned int index;
	const char *name;
};

void queue_link_del_known(struct netlink *nl, const struct link_known *link);

/* The same in another namespace, which the kernel calls @ns_id in this one. */
void queue_link_del_elsewhere(struct netlink *nl, int ns_id,
			      const struct link_known *link);

/*
 * Deletes all @n in one message: the kernel waits for every message anew, but for many
 * links in one message no longer than for one. That message names a group, into which the
 * links are put first. No other link may be in @group. -ENODEV: one or more of the links
 * are gone.
 */
void queue_links_del(struct netlink *nl, const struct link_known links[], size_t n,
		     uint32_t group);

/* The most ports of a bridge: BR_MAX_PORTS less one, net/bridge/br_private.h. */
#define BRIDGE_PORTS_MAX 1023

/* All links of the namespace. */
struct link_list {
	struct link *items;
	size_t n;
};
int link_list_get(struct netlink *nl, struct link_list *ret_list, struct cni_error *err);
/* The ports of the bridge @bridge. */
int link_list_get_ports(struct netlink *nl, unsigned int bridge,
			struct link_list *ret_list, struct cni_error *err);
/* All links of that kind ("bridge", "veth") in the namespace. */
int link_list_get_kind(struct netlink *nl, const char *kind, struct link_list *ret_list,
		       struct cni_error *err);
/* All links of another namespace, which the kernel calls @ns_id in this one
 * (ip-netns(8)). */
int link_list_get_elsewhere(struct netlink *nl, int ns_id, struct link_list *ret_list,
			    struct cni_error *err);
void link_list_clear(struct link_list *list);

#endif
