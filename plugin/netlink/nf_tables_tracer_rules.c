/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules as lists of expressions: a value is loaded into a register, and compared. */
#include "nf_tables_tracer_rules.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stddef.h>
#include <sys/socket.h>

#include "nfnetlink.h"

/* Where the fields are, in bytes. */
#define IPV4_SOURCE	 12
#define IPV6_SOURCE	 8
#define ICMP_ID		 4
#define ICMP_ERROR_INNER 8 /* the header of the packet that the error is about */
#define IPV4_HEADER	 20 /* without options, which nothing sends here */
#define IPV6_HEADER	 40

#define NDISC_REDIRECT 137 /* of ICMPv6 */

#define DIRECTION_ORIGINAL 0 /* enum ip_conntrack_dir */
#define DIRECTION_REPLY	   1

/* A rule under construction. */
struct rule {
	struct builder b;
	struct nlattr *expressions;
};

static struct rule rule_begin(const struct tracer *tracer, const char *chain)
{
	struct rule rule = {
		.b = begin_nfnl(tracer->nl,
				netlink_queue(tracer->nl,
					      NFNL_TYPE(NFTABLES, NFT_MSG_NEWRULE),
					      NLM_F_CREATE | NLM_F_APPEND,
					      "adding a rule to chain %s of table %s",
					      chain, tracer->table),
				tracer->family),
	};

	put_string(rule.b, NFTA_RULE_TABLE, tracer->table);
	put_string(rule.b, NFTA_RULE_CHAIN, chain);
	rule.expressions = nest(rule.b, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED);
	return rule;
}

static void rule_end(struct rule rule)
{
	nest_end(rule.b, rule.expressions);
}

struct expression {
	struct nlattr *item, *data;
};

static struct expression expression_begin(struct builder b, const char *name)
{
	struct expression e = {.item = nest(b, NFTA_LIST_ELEM | NLA_F_NESTED)};

	put_string(b, NFTA_EXPR_NAME, name);
	e.data = nest(b, NFTA_EXPR_DATA | NLA_F_NESTED);
	return e;
}

static void expression_end(struct builder b, struct expression e)
{
	nest_end(b, e.data);
	nest_end(b, e.item);
}

static void put_number(struct builder b, int type, uint32_t value)
{
	put_u32(b, type, htonl(value));
}

static void put_value(struct builder b, int type, const void *value, size_t len)
{
	struct nlattr *data = nest(b, type | NLA_F_NESTED);

	put(b, NFTA_DATA_VALUE, value, len);
	nest_end(b, data);
}

static void is_equal(struct builder b, const void *value, size_t len)
{
	struct expression e = expression_begin(b, "cmp");

	put_number(b, NFTA_CMP_SREG, NFT_REG_1);
	put_number(b, NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(b, NFTA_CMP_DATA, value, len);
	expression_end(b, e);
}

static void meta_is(struct builder b, uint32_t key, const void *value, size_t len)
{
	struct expression e = expression_begin(b, "meta");

	put_number(b, NFTA_META_DREG, NFT_REG_1);
	put_number(b, NFTA_META_KEY, key);
	expression_end(b, e);
	is_equal(b, value, len);
}

static void payload_is(struct builder b, uint32_t base, uint32_t offset,
		       const void *value, size_t len)
{
	struct expression e = expression_begin(b, "payload");

	put_number(b, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_number(b, NFTA_PAYLOAD_BASE, base);
	put_number(b, NFTA_PAYLOAD_OFFSET, offset);
	put_number(b, NFTA_PAYLOAD_LEN, len);
	expression_end(b, e);
	is_equal(b, value, len);
}

/* @direction: -1: the value doesn't hang on it. */
static void ct_is(struct builder b, uint32_t key, int direction, const void *value,
		  size_t len)
{
	struct expression e = expression_begin(b, "ct");
	uint8_t number = direction;

	put_number(b, NFTA_CT_DREG, NFT_REG_1);
	put_number(b, NFTA_CT_KEY, key);
	if (direction >= 0)
		put(b, NFTA_CT_DIRECTION, &number, sizeof(number));
	expression_end(b, e);
	is_equal(b, value, len);
}

/* @chain: that NFT_JUMP leads to. */
static void verdict_is(struct builder b, int code, const char *chain)
{
	struct expression e = expression_begin(b, "immediate");
	struct nlattr *data, *verdict;

	put_number(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nest(b, NFTA_IMMEDIATE_DATA | NLA_F_NESTED);
	verdict = nest(b, NFTA_DATA_VERDICT | NLA_F_NESTED);
	put_number(b, NFTA_VERDICT_CODE, code);
	if (code == NFT_JUMP)
		put_string(b, NFTA_VERDICT_CHAIN, chain);
	nest_end(b, verdict);
	nest_end(b, data);
	expression_end(b, e);
}

static void jump(struct builder b, const char *chain)
{
	verdict_is(b, NFT_JUMP, chain);
}

void tracer_mark_add(const struct tracer *tracer, const char *chain)
{
	struct rule rule = rule_begin(tracer, chain);
	struct builder b = rule.b;
	struct expression e = expression_begin(b, "immediate");

	put_number(b, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(b, NFTA_IMMEDIATE_DATA, &(uint8_t){1}, 1);
	expression_end(b, e);
	e = expression_begin(b, "meta");
	put_number(b, NFTA_META_KEY, NFT_META_NFTRACE);
	put_number(b, NFTA_META_SREG, NFT_REG_1);
	expression_end(b, e);
	rule_end(rule);
}

static bool is_ipv4(const struct flow *flow)
{
	return flow->from.family == AF_INET;
}

/* In a bridge's table, packets may be of any kind. */
static void protocols_are(const struct tracer *tracer, struct builder b,
			  const struct flow *flow, uint8_t protocol)
{
	uint16_t ether = htons(is_ipv4(flow) ? ETH_P_IP : ETH_P_IPV6);

	if (tracer->family == NFPROTO_BRIDGE)
		meta_is(b, NFT_META_PROTOCOL, &ether, sizeof(ether));
	meta_is(b, NFT_META_L4PROTO, &protocol, sizeof(protocol));
}

static void addresses_are(struct builder b, uint32_t base, uint32_t offset,
			  const struct ip_addr *from, const struct ip_addr *to)
{
	size_t size = ip_size(from->family);

	payload_is(b, base, offset, from->bytes, size);
	payload_is(b, base, offset + size, to->bytes, size);
}

static void ports_are(struct builder b, uint32_t offset, uint16_t from, uint16_t to)
{
	uint16_t ports[] = {htons(from), htons(to)};

	payload_is(b, NFT_PAYLOAD_TRANSPORT_HEADER, offset, ports, sizeof(ports));
}

static void echo_is(struct builder b, uint32_t offset, uint8_t type, uint16_t id)
{
	uint16_t number = htons(id);

	payload_is(b, NFT_PAYLOAD_TRANSPORT_HEADER, offset, &type, sizeof(type));
	payload_is(b, NFT_PAYLOAD_TRANSPORT_HEADER, offset + ICMP_ID, &number,
		   sizeof(number));
}

static uint8_t echo_request(const struct flow *flow)
{
	return is_ipv4(flow) ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
}

static uint8_t echo_reply(const struct flow *flow)
{
	return is_ipv4(flow) ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY;
}

void tracer_redirects_pass(const struct tracer *tracer, const char *chain,
			   const struct flow *flow)
{
	uint8_t type = is_ipv4(flow) ? ICMP_REDIRECT : NDISC_REDIRECT;
	struct rule rule = rule_begin(tracer, chain);

	protocols_are(tracer, rule.b, flow,
		      is_ipv4(flow) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	payload_is(rule.b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, &type, sizeof(type));
	verdict_is(rule.b, NFT_RETURN, NULL);
	rule_end(rule);
}

static void packets_add(const struct tracer *tracer, const char *chain,
			const struct flow *flow, bool is_answer)
{
	const struct ip_addr *from = is_answer ? &flow->to : &flow->from;
	const struct ip_addr *to = is_answer ? &flow->from : &flow->to;
	struct rule rule = rule_begin(tracer, chain);

	protocols_are(tracer, rule.b, flow, flow->protocol);
	addresses_are(rule.b, NFT_PAYLOAD_NETWORK_HEADER,
		      is_ipv4(flow) ? IPV4_SOURCE : IPV6_SOURCE, from, to);
	if (flow->protocol != IPPROTO_TCP)
		echo_is(rule.b, 0, is_answer ? echo_reply(flow) : echo_request(flow),
			flow->id);
	else if (is_answer)
		ports_are(rule.b, 0, flow->to_port, flow->from_port);
	else
		ports_are(rule.b, 0, flow->from_port, flow->to_port);
	jump(rule.b, is_answer ? TRACER_ANSWER : TRACER_SENT);
	rule_end(rule);
}

/* An error of ICMP has the beginning of the packet that it is about. */
static void errors_add(const struct tracer *tracer, const char *chain,
		       const struct flow *flow)
{
	uint32_t source = ICMP_ERROR_INNER + (is_ipv4(flow) ? IPV4_SOURCE : IPV6_SOURCE);
	uint32_t inner = ICMP_ERROR_INNER + (is_ipv4(flow) ? IPV4_HEADER : IPV6_HEADER);
	struct rule rule = rule_begin(tracer, chain);

	protocols_are(tracer, rule.b, flow,
		      is_ipv4(flow) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	payload_is(rule.b, NFT_PAYLOAD_NETWORK_HEADER,
		   (is_ipv4(flow) ? IPV4_SOURCE : IPV6_SOURCE) +
			   ip_size(flow->from.family),
		   flow->from.bytes, ip_size(flow->from.family));
	addresses_are(rule.b, NFT_PAYLOAD_TRANSPORT_HEADER, source, &flow->from,
		      &flow->to);
	if (flow->protocol == IPPROTO_TCP)
		ports_are(rule.b, inner, flow->from_port, flow->to_port);
	else
		echo_is(rule.b, inner, echo_request(flow), flow->id);
	jump(rule.b, TRACER_ANSWER);
	rule_end(rule);
}

void tracer_rules_add(const struct tracer *tracer, const char *chain,
		      const struct flow *flow)
{
	packets_add(tracer, chain, flow, false);
	packets_add(tracer, chain, flow, true);
	errors_add(tracer, chain, flow);
}

static void connection_add(const struct tracer *tracer, const char *chain,
			   const struct flow *flow, int direction)
{
	bool is_tcp = flow->protocol == IPPROTO_TCP;
	uint16_t from = htons(is_tcp ? flow->from_port : flow->id),
		 to = htons(flow->to_port);
	struct rule rule = rule_begin(tracer, chain);
	struct builder b = rule.b;
	uint8_t number = direction;

	ct_is(b, NFT_CT_DIRECTION, -1, &number, sizeof(number));
	ct_is(b, is_ipv4(flow) ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, DIRECTION_ORIGINAL,
	      flow->from.bytes, ip_size(flow->from.family));
	ct_is(b, is_ipv4(flow) ? NFT_CT_DST_IP : NFT_CT_DST_IP6, DIRECTION_ORIGINAL,
	      flow->to.bytes, ip_size(flow->to.family));
	ct_is(b, NFT_CT_PROTOCOL, DIRECTION_ORIGINAL, &flow->protocol,
	      sizeof(flow->protocol));
	ct_is(b, NFT_CT_PROTO_SRC, DIRECTION_ORIGINAL, &from, sizeof(from));
	if (is_tcp)
		ct_is(b, NFT_CT_PROTO_DST, DIRECTION_ORIGINAL, &to, sizeof(to));
	jump(b, direction == DIRECTION_ORIGINAL ? TRACER_SENT : TRACER_ANSWER);
	rule_end(rule);
}

void tracer_connection_rules_add(const struct tracer *tracer, const char *chain,
				 const struct flow *flow)
{
	connection_add(tracer, chain, flow, DIRECTION_ORIGINAL);
	connection_add(tracer, chain, flow, DIRECTION_REPLY);
}
