/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the switches of br_netfilter. */
#include "bridge_nf.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "plugin/node/sysctl.h"

static const char *const names[IP_FAMILIES] = {
	"bridge-nf-call-iptables",
	"bridge-nf-call-ip6tables",
};

/* @value is 0, too, where br_netfilter isn't loaded. */
static int switch_get(size_t family, int *ret_value, struct cni_error *err)
{
	int ret;

	*ret_value = 0;
	ret = sysctl_get(ret_value, err, "bridge/%s", names[family]);
	return ret == SYSCTL_ABSENT ? 0 : ret;
}

int bridge_nf_is_on(const struct attachment *att, bool *ret_on, struct cni_error *err)
{
	int ret = 0, value = 0;

	*ret_on = false;
	for (size_t i = 0; ret == 0 && !*ret_on && i < IP_FAMILIES; i++) {
		ret = switch_get(i, &value, err);
		*ret_on = ret == 0 && (value || att->bridge_nf[i]);
	}
	return ret;
}

#define WHY                                                                            \
	"with it a Service's connections to a pod of the same node are translated on " \
	"the bridge, whose isolated ports then drop them"

static int refuse(size_t family, int value, int code, struct cni_error *err)
{
	return error_set(err, code, EINVAL,
			 "podLink: \"routed\" needs net.bridge.%s 0, found %d: " WHY
			 "; set it to 0 (sysctl -w net.bridge.%s=0), or podLink to "
			 "\"bridged\", which needs 1 for Services",
			 names[family], value, names[family]);
}

static int refuse_own(const struct attachment *att, size_t family, int code,
		      struct cni_error *err)
{
	const char *option = family == 0 ? "nf_call_iptables" : "nf_call_ip6tables";

	return error_set(err, code, EINVAL,
			 "podLink: \"routed\" needs %s 0 of bridge %s, found 1: " WHY
			 "; set it to 0 (ip link set %s type bridge %s 0)",
			 option, att->bridge, att->bridge, option);
}

static int judge(struct attachment *att, int code, struct cni_error *err)
{
	for (size_t i = 0; i < IP_FAMILIES; i++) {
		int value = 0, ret;

		if (!attachment_uses(att, ip_families[i]))
			continue;
		ret = switch_get(i, &value, err);
		if (ret < 0)
			return ret;
		if (value)
			return refuse(i, value, code, err);
		if (att->bridge_nf[i])
			return refuse_own(att, i, code, err);
	}
	return 0;
}

int bridge_nf_refuse(struct attachment *att, struct cni_error *err)
{
	return att->routed && !attachment_is_repaired(att)
		       ? judge(att, CNI_ERR_CONFIG, err)
		       : 0;
}

int bridge_nf_check(struct attachment *att, struct cni_error *err)
{
	return att->routed ? judge(att, CNI_ERR_CHECK, err) : 0;
}

/* Has the network a range of that family? True for both where that isn't known. */
static bool has_family(const struct network *network, int family)
{
	for (size_t i = 0; i < network->ipam.sets.n; i++)
		if (network->ipam.sets.items[i].ranges[0].subnet.addr.family == family)
			return true;
	return network->ipam.sets.n == 0;
}

int bridge_nf_status(struct attachment *net, struct cni_error *err)
{
	const struct network *network = net->network;
	int values[IP_FAMILIES] = {}, ret = 0;
	bool known = network->ipam.sets.n > 0, all = true;

	for (size_t i = 0; network->routed && ret == 0 && i < IP_FAMILIES; i++) {
		if (!has_family(network, ip_families[i]))
			continue;
		ret = switch_get(i, &values[i], err);
		all = all && values[i];
	}
	for (size_t i = 0; ret == 0 && (known || all) && i < IP_FAMILIES; i++)
		if (values[i])
			return refuse(i, values[i], CNI_ERR_LIMITED, err);
	return ret;
}
