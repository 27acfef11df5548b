/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of checks; runs them on each network and on the node. */
#include "doctor.h"

#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "conf/base/list.h"
#include "finding.h"
#include "kernel_feature.h"

/* A check. Its name is in the output; a stranger finds its function by it. */
static const struct check {
	const char *name;
	const char *fine; /* what its line says where nothing is wrong */
	void (*of_node)(struct doctor *doctor);
	void (*of_network)(struct doctor *doctor, const struct network_facts *facts);
} checks[] = {
	{"configuration", "files of configurations are right", configurations_check,
	 NULL},
	{"order", "no other program's file comes before ours", order_check, NULL},
	{"duplicates", "no two networks share a name, a bridge or a subnet",
	 duplicates_check, NULL},
	{"programs", "all plugins that are called are there", programs_check, NULL},
	{"proc-sys", "kernel parameters can be written", proc_sys_check, NULL},
	{"forwarding", "nothing keeps the node from forwarding", forwarding_check_node,
	 NULL},
	{"rp-filter", "reverse path filtering (rp_filter) drops no packet of pods",
	 rp_filter_check, NULL},
	{"arp-ignore", "the node answers pods that ask for the gateway", arp_ignore_check,
	 NULL},
	{"accept-local", "the node takes no packet of a pod for one of its own",
	 accept_local_check, NULL},
	{"accept-ra", "the node gets or loses no route by router advertisements",
	 accept_ra_check, NULL},
	{"bridge-nf", "net.bridge is as the networks need it", bridge_nf_check_node,
	 NULL},
	{"kube-proxy", "there is none here", kube_proxy_check, NULL},
	{"firewall",
	 "no other program's chain drops what pods send, or get, at the hook forward or "
	 "at any other",
	 firewall_check, NULL},
	{"rules", "the rules that pods need are there", NULL, rules_check_network},
	{"reference", "no rules of the reference plugins are left of pods that are gone",
	 NULL, reference_check},
	{"isolation", "isolated networks are kept from others", NULL, isolation_check},
	{"kernel", "the kernel has what the networks need", kernel_check, NULL},
	{"nftables", "libnftables, which writes rules, is there", library_check, NULL},
	{"host-ports", "no process of the node listens on a pod's host port", NULL,
	 ports_check},
	{"subnets", "no other interface or route of the node has a subnet of pods",
	 subnets_check, NULL},
	{"bridge", "bridges have their gateways and pods, and no foreign address", NULL,
	 bridge_check},
	{"open-vswitch", "Open vSwitch answers, and has what its networks need", NULL,
	 open_vswitch_check},
	{"master", "masters of macvlan and ipvlan are there", NULL, master_check},
	{"pods", "pods have their interfaces, which are up in the pods", NULL,
	 pods_check},
	{"quiet-pods",
	 "pods of quiet bridges send from their interface's MAC address alone", NULL,
	 quiet_pods_check},
	{"pod-routes",
	 "the node's routes and rules lead to pods, and from them to the world", NULL,
	 pod_routes_check},
	{"mtu", "pods' packets fit the ways out of the node", mtu_check, NULL},
	{"uplinks", "the node's ways to the world have a carrier", uplinks_check, NULL},
	{"routes", "pods and node have the routes that ipMasq needs", routes_check, NULL},
	{"former-cni", "no interface of a former CNI is left", former_check, NULL},
	{"store", "the records are whole", NULL, store_check},
	{"addresses", "there are free addresses", NULL, addresses_check},
	{"disk", "there is room for the store", disk_check, NULL},
	{"clock", "records are of this boot, and not of the future", boot_check,
	 clock_check},
	{"denials", "the kernel's log tells of no denial by SELinux or AppArmor",
	 denials_check, NULL},
	{"limits", "the kernel's tables have room for the pods", limits_check, NULL},
	{"managers", "no network manager takes our interfaces", managers_check, NULL},
	{"agent", "the node agent has no complaint", agent_check, NULL},
};

static void network_clear_kept(struct doctor_network *network)
{
	free(network->name);
	free(network->file);
	free(network->data_dir);
	free(network->subnets.items);
	free(network->ranges.items);
}

void doctor_clear(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->findings.n; i++) {
		free(doctor->findings.items[i].network);
		free(doctor->findings.items[i].text);
		free(doctor->findings.items[i].command);
		free(doctor->findings.items[i].advice);
	}
	free(doctor->findings.items);
	for (size_t i = 0; i < doctor->networks.n; i++)
		network_clear_kept(&doctor->networks.items[i]);
	free(doctor->networks.items);
	for (size_t i = 0; i < doctor->files.n; i++)
		free(doctor->files.items[i].path);
	free(doctor->files.items);
	for (size_t i = 0; i < doctor->programs.n; i++)
		free(doctor->programs.items[i]);
	free(doctor->programs.items);
	for (size_t i = 0; i < doctor->configured.n; i++)
		free(doctor->configured.items[i]);
	free(doctor->configured.items);
	findings_clear(&doctor->conf);
	netlink_close(doctor->rtnl);
	*doctor = (struct doctor){};
}

void doctor_begin(struct doctor *doctor, const char *plugin_path)
{
	ssize_t len = readlink("/proc/self/exe", doctor->self, sizeof(doctor->self) - 1);

	if (len <= 0 || len == sizeof(doctor->self) - 1)
		snprintf(doctor->self, sizeof(doctor->self), "bridge-cni");
	doctor->plugin_path = plugin_path;
}

/* Counts the pods, and keeps the name of a port, or one that a pod's may have. */
static void port_keep(struct doctor_network *kept, const struct network_facts *facts)
{
	const char *port = NULL;
	char prefix[IF_NAMESIZE];

	for (size_t i = 0; i < facts->pods.n; i++) {
		if (facts->pods.items[i].state != IPAM_VIEW_CONNECTED)
			continue;
		kept->connected++;
		port = facts->pods.items[i].host_ifname;
	}
	identity_host_ifname_prefix(kept->name, prefix);
	if (port && *port)
		snprintf(kept->port, sizeof(kept->port), "%s", port);
	else
		snprintf(kept->port, sizeof(kept->port), "%.8s0000000", prefix);
}

static int range_keep(struct doctor_network *kept, const struct ip_range *range,
		      struct cni_error *err)
{
	struct ip_range *item = LIST_ADD(&kept->ranges);

	if (!item)
		return error_oom(err);
	*item = *range;
	return 0;
}

/* The gateway of a pod's subnet: an address that the node has there, or the first one. */
static struct ip_addr gateway_of(const struct network_facts *facts,
				 const struct ip_prefix *subnet)
{
	struct ip_addr first = subnet->addr;

	for (size_t i = 0; i < facts->gateways.n; i++)
		if (prefix_contains(subnet, &facts->gateways.items[i].address.addr))
			return facts->gateways.items[i].address.addr;
	first.bytes[ip_size(first.family) - 1] |= 1;
	return first;
}

static int pod_ranges_keep(struct doctor_network *kept, const struct network_facts *facts,
			   const struct ip_prefix *address, struct cni_error *err)
{
	const struct ip_prefix subnet = prefix_network(address);
	const struct ip_range range = {subnet, address->addr, address->addr,
				       gateway_of(facts, &subnet)};

	for (size_t i = 0; i < kept->ranges.n; i++)
		if (prefix_equal(&kept->ranges.items[i].subnet, &subnet))
			return 0;
	return range_keep(kept, &range, err);
}

static int ranges_keep(struct doctor_network *kept, const struct network_facts *facts,
		       struct cni_error *err)
{
	const struct range_set_list *sets = &facts->net->network->ipam.sets;
	int ret = 0;

	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; ret == 0 && k < sets->items[i].n; k++)
			ret = range_keep(kept, &sets->items[i].ranges[k], err);
	for (size_t i = 0; sets->n == 0 && i < facts->pods.n; i++)
		for (size_t k = 0; ret == 0 && k < facts->pods.items[i].addresses_n; k++)
			ret = pod_ranges_keep(kept, facts,
					      &facts->pods.items[i].addresses[k], err);
	return ret;
}

/* Keeps what is compared with other networks. */
static int network_keep(struct doctor *doctor, const struct network_facts *facts,
			const char *file, struct cni_error *err)
{
	const struct network *network = facts->net->network;
	struct doctor_network *kept = LIST_ADD(&doctor->networks);
	const struct range_set_list *sets = &network->ipam.sets;
	size_t subnets = 0;

	if (!kept)
		return error_oom(err);
	for (size_t i = 0; i < sets->n; i++)
		subnets += sets->items[i].n;
	*kept = (struct doctor_network){
		.name = strdup(network->name),
		.file = strdup(file),
		.data_dir = strdup(network->ipam.data_dir ? network->ipam.data_dir
							  : DEFAULT_DATA_DIR),
		.switch_kind = network->switch_kind,
		.is_gateway = network->is_gateway,
		.routed = network->routed,
		.isolated = network->port_isolation,
		.masquerades = network->ip_masq,
		.waits_for_agent = network->wait_for_agent,
		.mtu = network->mtu,
		.vlan = network->vlan,
	};
	routes_keep(network, kept);
	snprintf(kept->bridge, sizeof(kept->bridge), "%s", facts->net->bridge);
	network_gateway_ifname(network, kept->gateway_ifname);
	kept->subnets.items = calloc(subnets + 1, sizeof(*kept->subnets.items));
	if (!kept->name || !kept->file || !kept->data_dir || !kept->subnets.items) {
		network_clear_kept(kept);
		doctor->networks.n--;
		return error_oom(err);
	}
	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++)
			kept->subnets.items[kept->subnets.n++] =
				sets->items[i].ranges[k].subnet;
	port_keep(kept, facts);
	return ranges_keep(kept, facts, err);
}

static int network_look(struct doctor *doctor, struct attachment *net, const char *file,
			struct cni_error *err)
{
	_cleanup_(network_facts_clear) struct network_facts facts = {};
	int ret = network_facts_read(net, true, &facts, err);

	if (ret == 0)
		ret = network_keep(doctor, &facts, file, err);
	if (ret == 0)
		ret = kernel_needs(
			net,
			&doctor->networks.items[doctor->networks.n - 1].kernel_features,
			err);
	doctor->network = net->network->name;
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(checks); i++) {
		doctor->check = i;
		if (checks[i].of_network)
			checks[i].of_network(doctor, &facts);
	}
	doctor->network = NULL;
	return ret;
}

int doctor_network(struct doctor *doctor, struct attachment *net, const char *file,
		   struct cni_error *err)
{
	int ret = operation_open(net->op, err);

	if (ret == 0)
		ret = network_look(doctor, net, file, err);
	operation_close(net->op);
	return ret;
}

void doctor_unread(struct doctor *doctor, const char *path, const char *what)
{
	doctor->check = 0; /* the first row is about files */
	doctor_tell(doctor, DOCTOR_PROBLEM, "%s: %s", path, what);
}

void doctor_unconfigured(struct doctor *doctor, const char *network, size_t pods)
{
	doctor->check = 0; /* the first row is about files */
	doctor_tell(
		doctor, DOCTOR_WARNING,
		"network %s has %zu pod%s, and no configuration that was read: nothing "
		"of it was looked at",
		network, pods, pods == 1 ? "" : "s");
	doctor_advise(doctor,
		      "put its configuration back into /etc/cni/net.d; `bridge-cni show "
		      "%s` shows what there is, and once the pods are gone `bridge-cni "
		      "cleanup` removes what is left",
		      network);
}

static bool has_told(const struct doctor *doctor, size_t check)
{
	for (size_t i = 0; i < doctor->findings.n; i++)
		if (doctor->findings.items[i].check == check)
			return true;
	return false;
}

int doctor_end(struct doctor *doctor, bool as_json)
{
	const char *names[ARRAY_SIZE(checks)];
	struct cni_error err = {};

	if (netlink_open(NETLINK_FOR_ROUTE, &doctor->rtnl, &err) < 0)
		doctor_unseen(doctor, "interfaces", &err);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		names[i] = checks[i].name;
		doctor->check = i;
		if (checks[i].of_node && doctor->rtnl)
			checks[i].of_node(doctor);
		/* Without a network nothing was looked at by a check of networks. */
		if (!has_told(doctor, i) && (checks[i].of_node || doctor->networks.n > 0))
			doctor_tell(doctor, DOCTOR_OK, "%s", checks[i].fine);
	}
	return findings_print(doctor, names, ARRAY_SIZE(checks), as_json);
}
