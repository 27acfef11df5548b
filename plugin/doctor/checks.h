/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checks, which are the rows of the table in doctor.c: a function for each network,
 * or one for the node as a whole, once all networks are known. Each tells what is not
 * right (finding.h); where it tells nothing, the row says that all is well.
 */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_CHECKS_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_CHECKS_H

#include "known.h"
#include "plugin/show/network_facts.h"

/* files.c: the configurations, and the programs that they name. */
void configurations_check(struct doctor *doctor);
void order_check(struct doctor *doctor);
void programs_check(struct doctor *doctor);
void duplicates_check(struct doctor *doctor);

/* parameters.c: kernel parameters. */
void proc_sys_check(struct doctor *doctor);
void forwarding_check_node(struct doctor *doctor);
void forwarding_closed_tell(struct doctor *doctor, const char *ifname, const char *why);
void rp_filter_check(struct doctor *doctor);
void arp_ignore_check(struct doctor *doctor);
void accept_local_check(struct doctor *doctor);
void accept_ra_check(struct doctor *doctor);
void limits_check(struct doctor *doctor);

/* pod_ways.c: ways of pods that are not the node's own. @told: uplinks that are told
 * already; those that are told now are added. */
struct link_list;
void pod_ways_look(struct doctor *doctor, struct link_list *told);

/* kube_proxy.c: its mode, and br_netfilter, which Services need. */
void kube_proxy_check(struct doctor *doctor);
void bridge_nf_check_node(struct doctor *doctor);

/* firewall.c: other programs' rules. */
void firewall_check(struct doctor *doctor);

/* rules.c: ours, and the library that writes them. */
void library_check(struct doctor *doctor);
void rules_check_network(struct doctor *doctor, const struct network_facts *facts);

/* reference.c: what the reference plugins have left. */
void reference_check(struct doctor *doctor, const struct network_facts *facts);

/* isolation.c */
void isolation_check(struct doctor *doctor, const struct network_facts *facts);

/* kernel.c */
void kernel_check(struct doctor *doctor);

/* ports.c */
void ports_check(struct doctor *doctor, const struct network_facts *facts);

/* subnets.c: addresses and routes of others in the subnets of pods. */
void subnets_check(struct doctor *doctor);

/* masters.c: the interface that pods of macvlan and ipvlan share. */
void master_check(struct doctor *doctor, const struct network_facts *facts);

/* links.c: bridges of the networks, with their gateways and ports. */
void bridge_check(struct doctor *doctor, const struct network_facts *facts);

/* open_vswitch.c */
void open_vswitch_check(struct doctor *doctor, const struct network_facts *facts);

/* former.c: interfaces that a former CNI has left. */
void former_check(struct doctor *doctor);

/* pods.c: pods without their interface, or whose end of it is down. */
void pods_check(struct doctor *doctor, const struct network_facts *facts);

/* quiet_pods.c */
void quiet_pods_check(struct doctor *doctor, const struct network_facts *facts);

/* pod_routes.c: routes and rules of the node that decide about pods. */
void pod_routes_check(struct doctor *doctor, const struct network_facts *facts);

/* mtu.c */
void mtu_check(struct doctor *doctor);

/* routes.c: default routes, and the interfaces of the node's. routes_keep() remembers
 * what a network says of them. */
void routes_keep(const struct network *network, struct doctor_network *kept);
void routes_check(struct doctor *doctor);
void uplinks_check(struct doctor *doctor);

/* store.c */
void store_check(struct doctor *doctor, const struct network_facts *facts);
void addresses_check(struct doctor *doctor, const struct network_facts *facts);
void disk_check(struct doctor *doctor);

/* clock.c: times and boot IDs of records. */
void clock_check(struct doctor *doctor, const struct network_facts *facts);
void boot_check(struct doctor *doctor);

/* denials.c: of SELinux and AppArmor. */
void denials_check(struct doctor *doctor);

/* managers.c: network managers. */
void managers_check(struct doctor *doctor);

/* agent.c: the node agent. */
void agent_check(struct doctor *doctor);

#endif
