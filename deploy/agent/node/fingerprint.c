/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each part is a hash. Counters and whatever else changes by itself stay out of it. */
#include "fingerprint.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/identity.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/nft/rules.h"
#include "plugin/node/sysctl.h"

const char *const fingerprint_part_names[FINGERPRINT_PARTS] = {
	[FINGERPRINT_BRIDGE] = "bridge",
	[FINGERPRINT_ADDRESSES] = "addresses",
	[FINGERPRINT_FORWARDING] = "forwarding",
	[FINGERPRINT_RULES] = "rules",
};

static uint64_t add(uint64_t hash, const void *data, size_t len)
{
	return hash_more(hash, data, len);
}

static int addresses(struct netlink *rtnl, unsigned int index, uint64_t *ret_hash,
		     bool *ret_ipv4, struct cni_error *err)
{
	uint64_t hash = hash_text("");
	bool ipv4 = false;

	for (size_t i = 0; index && i < IP_FAMILIES; i++) {
		_cleanup_(addr_list_clear) struct addr_list list = {};
		int ret = addr_list_get(rtnl, index, ip_families[i], &list, err);

		if (ret < 0)
			return ret;
		ipv4 = ipv4 || (ip_families[i] == AF_INET && list.n > 0);
		for (size_t k = 0; k < list.n; k++) {
			const char *text = PREFIX_TEXT(&list.items[k]);

			/* The kernel adds the link-local address a moment after the
			 * bridge is up. */
			if (strncmp(text, "fe80:", 5) != 0)
				hash = add(hash, text, strlen(text) + 1);
		}
	}
	*ret_hash = hash;
	*ret_ipv4 = ipv4;
	return 0;
}

/* Forwarding of the node (IPv4, IPv6) and of the bridge. */
static int forwarding(const struct link *bridge, uint64_t *ret_hash,
		      struct cni_error *err)
{
	int values[3] = {[2] = bridge->index ? bridge->ipv4.forwarding : 0};
	int ret = sysctl_get(&values[0], err, "ipv4/ip_forward");

	if (ret == 0)
		ret = sysctl_get(&values[1], err, "ipv6/conf/all/forwarding");
	if (ret == SYSCTL_ABSENT)
		ret = 0; /* a kernel without IPv6 */
	*ret_hash = add(hash_text(""), values, sizeof(values));
	return ret;
}

/* A rule of the plugin's table, for nft_table_rules(). */
static int rule(const char *chain, uint64_t handle, const char *comment, void *data)
{
	uint64_t *hash = data;

	if (handle == 0) {
		*hash = hash_text("");
		return 0;
	}
	*hash = add(*hash, chain, strlen(chain) + 1);
	*hash = add(*hash, comment, strlen(comment) + 1);
	return 0;
}

/* The rules of both tables: that of inet, and that of bridge, which has the guards. */
static int rules(struct netlink *nft, uint64_t *ret_hash, struct cni_error *err)
{
	static const int families[] = {NFPROTO_INET, NFPROTO_BRIDGE};
	struct nft_probes none = {};
	uint64_t hashes[ARRAY_SIZE(families)];

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int ret = nft_table_rules(nft, families[i], RULES_TABLE, NULL, &none,
					  rule, &hashes[i], err);

		if (ret < 0)
			return ret;
	}
	*ret_hash = add(hash_text(""), hashes, sizeof(hashes));
	return 0;
}

int fingerprint_take(struct netlink *rtnl, struct netlink *nft, const char *bridge,
		     struct fingerprint *ret_fingerprint, struct cni_error *err)
{
	struct fingerprint now = {};
	struct link link;
	int ret = link_get(rtnl, bridge, &link, err);

	if (ret < 0)
		return ret;
	now.parts[FINGERPRINT_BRIDGE] = link.index ? (uint64_t)link.index << 1 | link.up
						   : 0;
	ret = addresses(rtnl, link.index, &now.parts[FINGERPRINT_ADDRESSES], &now.ipv4,
			err);
	if (ret == 0)
		ret = forwarding(&link, &now.parts[FINGERPRINT_FORWARDING], err);
	if (ret == 0)
		ret = rules(nft, &now.parts[FINGERPRINT_RULES], err);
	if (ret < 0)
		return ret;
	*ret_fingerprint = now;
	return 0;
}
