/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nf_tables_address.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>
#include <sys/socket.h>

#include "attr.h"

#define IMMEDIATES_MAX 8 /* of a rule; what is beyond isn't looked at */

struct reading {
	struct rule_addresses *addresses;
	bool six;
	uint32_t source_in; /* the register that has the source; 0: none has */
	struct {
		uint32_t number;
		struct ip_addr addr;
	} immediates[IMMEDIATES_MAX];
	size_t n;
};

static const struct nlattr *data_of(struct nlattr *attr, int type)
{
	struct nlattr *data[NFTA_DATA_MAX + 1];

	if (!attr || nla_parse_nested(data, NFTA_DATA_MAX, attr, NULL) < 0)
		return NULL;
	return data[type];
}

static struct ip_addr addr_of(const void *bytes, size_t len)
{
	struct ip_addr addr = {};

	if (len != 4 && len != 16)
		return addr;
	addr.family = len == 4 ? AF_INET : AF_INET6;
	memcpy(addr.bytes, bytes, len);
	return addr;
}

static void payload_read(struct reading *reading, struct nlattr **attrs)
{
	uint32_t offset = be_u32(attrs[NFTA_PAYLOAD_OFFSET]),
		 len = be_u32(attrs[NFTA_PAYLOAD_LEN]);

	reading->source_in = 0;
	if (be_u32(attrs[NFTA_PAYLOAD_BASE]) == NFT_PAYLOAD_NETWORK_HEADER &&
	    ((offset == 12 && len == 4) || (offset == 8 && len == 16)))
		reading->source_in = be_u32(attrs[NFTA_PAYLOAD_DREG]);
}

static void cmp_read(struct reading *reading, struct nlattr **attrs)
{
	const struct nlattr *value = data_of(attrs[NFTA_CMP_DATA], NFTA_DATA_VALUE);

	if (value && reading->source_in && be_u32(attrs[NFTA_CMP_OP]) == NFT_CMP_EQ &&
	    be_u32(attrs[NFTA_CMP_SREG]) == reading->source_in)
		reading->addresses->source = addr_of(nla_data(value), nla_len(value));
	reading->source_in = 0;
}

static void immediate_read(struct reading *reading, struct nlattr **attrs)
{
	const struct nlattr *value = data_of(attrs[NFTA_IMMEDIATE_DATA], NFTA_DATA_VALUE);
	const struct nlattr *verdict = data_of(attrs[NFTA_IMMEDIATE_DATA],
					       NFTA_DATA_VERDICT);
	struct nlattr *parts[NFTA_VERDICT_MAX + 1];

	if (value && reading->n < IMMEDIATES_MAX) {
		reading->immediates[reading->n].number =
			be_u32(attrs[NFTA_IMMEDIATE_DREG]);
		reading->immediates[reading->n++].addr = addr_of(nla_data(value),
								 nla_len(value));
	}
	if (verdict &&
	    nla_parse_nested(parts, NFTA_VERDICT_MAX, (struct nlattr *)verdict, NULL) ==
		    0 &&
	    parts[NFTA_VERDICT_CHAIN])
		nla_strlcpy(reading->addresses->chain, parts[NFTA_VERDICT_CHAIN],
			    sizeof(reading->addresses->chain));
}

static void nat_read(struct reading *reading, struct nlattr **attrs)
{
	if (be_u32(attrs[NFTA_NAT_TYPE]) != NFT_NAT_DNAT)
		return;
	for (size_t i = 0; i < reading->n; i++)
		if (reading->immediates[i].number == be_u32(attrs[NFTA_NAT_REG_ADDR_MIN]))
			reading->addresses->target = reading->immediates[i].addr;
}

struct ip_addr xt_dnat_address(const void *info, size_t len, unsigned int revision,
			       bool six)
{
	const struct nf_nat_ipv4_multi_range_compat *first = info;
	const struct nf_nat_range *range = info;

	if (revision == 0 && len >= sizeof(*first))
		return addr_of(&first->range[0].min_ip, sizeof(first->range[0].min_ip));
	if (revision == 0 || len < sizeof(*range))
		return (struct ip_addr){};
	return addr_of(&range->min_addr, six ? 16 : 4);
}

static void target_read(struct reading *reading, struct nlattr **attrs)
{
	const struct nlattr *info = attrs[NFTA_TARGET_INFO];

	if (info && attrs[NFTA_TARGET_NAME] &&
	    nla_strcmp(attrs[NFTA_TARGET_NAME], "DNAT") == 0)
		reading->addresses->target =
			xt_dnat_address(nla_data(info), nla_len(info),
					be_u32(attrs[NFTA_TARGET_REV]), reading->six);
}

static const struct {
	const char *name;
	void (*read)(struct reading *reading, struct nlattr **attrs);
} readers[] = {
	{"payload", payload_read}, {"cmp", cmp_read},	    {"immediate", immediate_read},
	{"nat", nat_read},	   {"target", target_read},
};

#define EXPRESSION_ATTRS 16 /* as many as any of those has */

struct rule_addresses rule_addresses(struct nlattr *expressions, bool six)
{
	struct rule_addresses addresses = {};
	struct reading reading = {.addresses = &addresses, .six = six};
	struct nlattr *expression;
	int left;

	if (!expressions)
		return addresses;
	nla_for_each_nested(expression, expressions, left) {
		struct nlattr *parts[NFTA_EXPR_MAX + 1],
			*attrs[EXPRESSION_ATTRS + 1] = {};

		if (nla_parse_nested(parts, NFTA_EXPR_MAX, expression, NULL) < 0 ||
		    !parts[NFTA_EXPR_NAME] || !parts[NFTA_EXPR_DATA] ||
		    nla_parse_nested(attrs, EXPRESSION_ATTRS, parts[NFTA_EXPR_DATA],
				     NULL) < 0)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
			if (nla_strcmp(parts[NFTA_EXPR_NAME], readers[i].name) == 0)
				readers[i].read(&reading, attrs);
	}
	return addresses;
}
