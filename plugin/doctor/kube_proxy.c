/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells kube-proxy's mode, and what Services need of br_netfilter in it. */
#include "kube_proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <sys/socket.h>

#include "checks.h"
#include "finding.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/node/iptables_legacy_table.h"
#include "plugin/node/kernel_has.h"
#include "plugin/node/sysctl.h"

static const char *const mode_names[KUBE_PROXY_MODES] = {
	[KUBE_PROXY_IPTABLES] = "iptables (by iptables-nft)",
	[KUBE_PROXY_IPTABLES_LEGACY] = "iptables (by iptables-legacy)",
	[KUBE_PROXY_NFTABLES] = "nftables",
	[KUBE_PROXY_IPVS] = "ipvs",
};

#define SERVICES    "KUBE-SERVICES" /* a chain of table nat, in iptables and IPVS mode */
#define OF_IPTABLES "KUBE-NODEPORTS"
#define OF_IPVS	    "KUBE-NODE-PORT"

/* IPVS mode has the chain of Services as well, and a chain that iptables mode hasn't. */
static bool is_iptables(bool services, bool of_iptables, bool of_ipvs)
{
	return services && (of_iptables || !of_ipvs);
}

static int nft_look(struct netlink *nl, struct kube_proxy *proxy, struct cni_error *err)
{
	static const int families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
	static const char *const chains[] = {SERVICES, OF_IPTABLES, OF_IPVS};
	int ret = 0;

	for (size_t f = 0; ret == 0 && f < ARRAY_SIZE(families); f++) {
		bool has[ARRAY_SIZE(chains)] = {}, table = false;

		for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(chains); i++)
			ret = nft_exists(nl, families[f], "nat", chains[i], &has[i], err);
		if (ret == 0)
			ret = nft_exists(nl, families[f], "kube-proxy", NULL, &table,
					 err);
		proxy->has[KUBE_PROXY_IPTABLES] |= is_iptables(has[0], has[1], has[2]);
		proxy->has[KUBE_PROXY_NFTABLES] |= table;
	}
	return ret;
}

static bool legacy_has(const struct legacy_table *table, const char *chain)
{
	return legacy_chain_at(table, chain) < table->info.size;
}

static void legacy_look(struct kube_proxy *proxy)
{
	for (size_t f = 0; f < IP_FAMILIES; f++) {
		struct legacy_table *table = legacy_table_exists(ip_families[f], "nat")
						     ? legacy_table_new(ip_families[f],
									"nat")
						     : NULL;

		if (table)
			proxy->has[KUBE_PROXY_IPTABLES_LEGACY] |=
				is_iptables(legacy_has(table, SERVICES),
					    legacy_has(table, OF_IPTABLES),
					    legacy_has(table, OF_IPVS));
		legacy_table_free(table);
	}
}

int kube_proxy_look(struct doctor *doctor, struct kube_proxy *ret_proxy,
		    struct cni_error *err)
{
	_cleanup_(netlink_closep) struct netlink *nl = NULL;
	struct kube_proxy proxy = {};
	struct link link = {};
	int ret = link_get(doctor->rtnl, "kube-ipvs0", &link, err);

	proxy.has[KUBE_PROXY_IPVS] = ret == 0 && link.index;
	if (ret == 0 && kernel_has_nf_tables()) {
		ret = netlink_open(NETLINK_FOR_NFTABLES, &nl, err);
		if (ret == 0)
			ret = nft_look(nl, &proxy, err);
		/* A kernel without nf_tables has no rules of it. */
		if (ret == -EPROTONOSUPPORT || ret == -EINVAL)
			ret = error_clear(err);
	}
	if (ret < 0)
		return ret;
	legacy_look(&proxy);
	for (size_t i = 0; i < KUBE_PROXY_MODES; i++)
		proxy.n += proxy.has[i];
	*ret_proxy = proxy;
	return 0;
}

static void modes_format(const struct kube_proxy *proxy, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < KUBE_PROXY_MODES; i++)
		if (proxy->has[i] && len < size)
			len += snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
					mode_names[i]);
}

void kube_proxy_check(struct doctor *doctor)
{
	struct kube_proxy proxy = {};
	struct cni_error err = {};
	char modes[128];

	if (kube_proxy_look(doctor, &proxy, &err) < 0) {
		doctor_unseen(doctor, "kube-proxy's rules", &err);
		return;
	}
	modes_format(&proxy, modes, sizeof(modes));
	if (proxy.n == 1) {
		doctor_tell(doctor, DOCTOR_OK, "kube-proxy's mode is %s", modes);
	} else if (proxy.n > 1) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "kube-proxy has rules of more than one mode here, %s: those "
			    "of a former one go on translating Services",
			    modes);
		doctor_advise(doctor, "stop kube-proxy, run kube-proxy --cleanup, and "
				      "start it again");
	}
}

/* ---- br_netfilter ---- */

static const char *const switches[IP_FAMILIES] = {"bridge-nf-call-iptables",
						  "bridge-nf-call-ip6tables"};

static bool uses(const struct doctor_network *network, int family)
{
	for (size_t i = 0; i < network->subnets.n; i++)
		if (network->subnets.items[i].addr.family == family)
			return true;
	return false;
}

/* The answer of a pod to another one of its bridge goes past the node, which had the
 * connection translated. With ipMasq that is masqueraded, and comes back by the node;
 * IPVS translates past those rules. */
static void off_tell(struct doctor *doctor, const struct doctor_network *network,
		     const struct kube_proxy *proxy, size_t f, bool absent)
{
	bool works = network->masquerades && !proxy->has[KUBE_PROXY_IPVS];
	char what[64];

	snprintf(what, sizeof(what), "net.bridge.%s is 0", switches[f]);
	doctor_tell(doctor, !works && proxy->n > 0 ? DOCTOR_PROBLEM : DOCTOR_WARNING,
		    "%s: a Service that leads to a pod of the same bridge %s",
		    absent ? "br_netfilter isn't loaded" : what,
		    works ? "shows it the gateway's address instead of its client's"
			  : "times out");
	if (absent)
		doctor_command(doctor, "modprobe", "br_netfilter", DOCTOR_AND, "sysctl",
			       "-w", SYSCTL_WORD("net/bridge/%s=1", switches[f]));
	else
		doctor_command(doctor, "sysctl", "-w",
			       SYSCTL_WORD("net/bridge/%s=1", switches[f]));
	doctor_advise(doctor, "set podLink to \"routed\"");
}

static void on_tell(struct doctor *doctor, size_t f, int value)
{
	doctor_tell(
		doctor, DOCTOR_PROBLEM,
		"net.bridge.%s is %d, and podLink \"routed\" needs 0: an ADD fails, and "
		"of pods that run, connections to Services time out",
		switches[f], value);
	doctor_command(doctor, "sysctl", "-w",
		       SYSCTL_WORD("net/bridge/%s=0", switches[f]));
}

/*
 * Routed pods need 0. Bridged ones need 1 where Services lead to pods of the same bridge,
 * which is so where there is kube-proxy. Without it the check names the switch only where
 * br_netfilter is there. Behind the gateway of a VLAN the switch changes nothing for a
 * network that masquerades: the pod sees the gateway's address either way.
 */
void bridge_nf_check_node(struct doctor *doctor)
{
	struct kube_proxy proxy = {};

	/* kube_proxy_check() tells what can't be seen. */
	(void)kube_proxy_look(doctor, &proxy, NULL);
	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];

		doctor->network = network->name;
		for (size_t f = 0; f < IP_FAMILIES; f++) {
			int value = 0, ret;

			if (!uses(network, ip_families[f]))
				continue;
			ret = sysctl_get(&value, NULL, "bridge/%s", switches[f]);
			if (network->routed && ret == 0 && value)
				on_tell(doctor, f, value);
			else if (!network->routed && !value &&
				 !(network->vlan && network->is_gateway &&
				   network->masquerades) &&
				 (ret == 0 || (ret == SYSCTL_ABSENT && proxy.n > 0)))
				off_tell(doctor, network, &proxy, f,
					 ret == SYSCTL_ABSENT);
		}
		doctor->network = NULL;
	}
}
