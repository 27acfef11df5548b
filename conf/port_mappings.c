/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads host ports: runtimeConfig.portMappings, and the keys of the reference's portmap
 * plugin that change how they are served, or are refused here. */
#include "port_mappings.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "capabilities.h"
#include "cni_result.h"
#include "conf/json/json_table.h"

#define CONDITIONS_MAX 64 /* of conditionsV4, conditionsV6 */

/* The keys as they are read. */
struct keys {
	struct port_conf conf;
	struct pod_ports ports;
	const char *backend, *over_listener;
	uint32_t mark_bit;
	const char *mark_chain;
	struct string_list conditions[2];
};

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"sctp", IPPROTO_SCTP},
};

const char *port_protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return "?";
}

int port_protocol_parse(const char *name, uint8_t *ret_protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcasecmp(protocols[i].name, name) != 0)
			continue;
		*ret_protocol = protocols[i].number;
		return 0;
	}
	return -EINVAL;
}

bool port_mapping_is_for(const struct port_mapping *mapping, int family)
{
	return mapping->host_ip.family == 0 || mapping->host_ip.family == family;
}

bool port_mapping_is_wild(const struct port_mapping *mapping)
{
	return ip_is_any(&mapping->host_ip);
}

uint32_t port_mapping_last(const struct port_mapping *mapping)
{
	return mapping->host_port + (mapping->count ? mapping->count - 1 : 0);
}

bool port_mapping_needs_localnet(const struct port_mapping *mapping)
{
	return port_mapping_is_for(mapping, AF_INET) &&
	       (port_mapping_is_wild(mapping) || ip_is_loopback(&mapping->host_ip));
}

/* Can no interface have the address: 224.0.0.0/4, 255.255.255.255, ff00::/8? The kernel
 * takes the rest of 240.0.0.0/4 as an address of the node. */
static bool is_nobodys(const struct ip_addr *ip)
{
	static const uint8_t broadcast[4] = {0xff, 0xff, 0xff, 0xff};

	if (ip->family == AF_INET6)
		return ip->bytes[0] == 0xff;
	return ip->family == AF_INET &&
	       (ip->bytes[0] >> 4 == 0xe || memcmp(ip->bytes, broadcast, 4) == 0);
}

/* Refuses addresses that no packet for the node has: such a mapping would never match. */
static int host_ip_check(const struct ip_addr *ip, const struct json_path *path,
			 struct cni_error *err)
{
	if (ip->family == AF_INET6 && ip_is_loopback(ip))
		return json_error(path, "hostIP", err,
				  "%s can't lead to a pod: the kernel routes nothing "
				  "from IPv6's loopback address; map 127.0.0.1 or an "
				  "address of the node",
				  IP_TEXT(ip));
	if (is_nobodys(ip))
		return json_error(path, "hostIP", err,
				  "%s is a multicast or broadcast address, expected one "
				  "of the node's own, or none for all of them",
				  IP_TEXT(ip));
	return 0;
}

static int mapping_check(void *value, const struct json_path *path, struct cni_error *err)
{
	struct port_mapping *mapping = value;
	const char *protocol = mapping->protocol_text;

	mapping->protocol = IPPROTO_TCP;
	if (protocol && *protocol &&
	    port_protocol_parse(protocol, &mapping->protocol) < 0)
		return json_error(path, "protocol", err,
				  "\"%s\" is no protocol with ports, expected \"tcp\", "
				  "\"udp\" or \"sctp\"",
				  protocol);
	return host_ip_check(&mapping->host_ip, path, err);
}

static int mappings_check(void *value, const struct json_path *path,
			  struct cni_error *err)
{
	const struct port_mapping_list *list = value;
	size_t first = 0, second = 0;
	int ret = port_mappings_contradict(list, &first, &second);
	struct json_path at = {.parent = path, .index = second};
	const struct port_mapping *mapping;

	if (ret < 0)
		return error_oom(err);
	if (ret == 0)
		return 0;
	mapping = &list->items[second];
	return json_error(&at, "hostPort", err,
			  "%s port %u leads to port %u here and to port %u by entry %zu, "
			  "on the same address or on all; a host port has one target",
			  port_protocol_name(mapping->protocol), mapping->host_port,
			  mapping->container_port, list->items[first].container_port,
			  first);
}

static const struct json_type port_type = {.kind = JSON_U32, .min = 1, .max = UINT16_MAX};
static const struct json_field mapping_fields[] = {
	FIELD_REQUIRED(struct port_mapping, host_port, "hostPort", &port_type),
	FIELD_REQUIRED(struct port_mapping, container_port, "containerPort", &port_type),
	FIELD(struct port_mapping, protocol_text, "protocol", &text_type),
	FIELD(struct port_mapping, host_ip, "hostIP", &ip_type),
};
static const struct json_type mapping_type = {
	.kind = JSON_OBJECT,
	.fields = mapping_fields,
	.n_fields = ARRAY_SIZE(mapping_fields),
	.check = mapping_check,
};
static const struct json_type mappings_type = {
	.kind = JSON_LIST,
	.max = PORT_MAPPINGS_MAX,
	.item = &mapping_type,
	.item_size = sizeof(struct port_mapping),
	.check = mappings_check,
};

static const struct json_field runtime_fields[] = {
	FIELD(struct keys, ports.entries, "portMappings", &mappings_type),
};
static const struct json_type runtime_type = OBJECT(runtime_fields);

#define NO_MARK UINT32_MAX

static const struct json_type mark_type = {.kind = JSON_U32, .max = NO_MARK - 1};
static const struct json_type conditions_type = {
	.kind = JSON_LIST,
	.max = CONDITIONS_MAX,
	.item = &text_type,
	.item_size = sizeof(const char *),
};

static const char *const over_listener_words[] = {
	[OVER_LISTENER_WARN] = "warn",
	[OVER_LISTENER_REFUSE] = "refuse",
	[OVER_LISTENER_ALLOW] = "allow",
	NULL,
};
static const struct json_type over_listener_type = {
	.kind = JSON_TEXT,
	.words = over_listener_words,
	.or_zero = true,
};

static const struct json_field root_fields[] = {
	{.key = "runtimeConfig", .type = &runtime_type},
	FIELD(struct keys, conf.snat, "snat", &bool_type),
	FIELD(struct keys, over_listener, "hostPortOverListener", &over_listener_type),
	FIELD(struct keys, backend, "backend", &text_type),
	FIELD(struct keys, ports.masq_all, "masqAll", &bool_type),
	FIELD(struct keys, mark_bit, "markMasqBit", &mark_type),
	FIELD(struct keys, mark_chain, "externalSetMarkChain", &text_type),
	FIELD(struct keys, conditions[0], "conditionsV4", &conditions_type),
	FIELD(struct keys, conditions[1], "conditionsV6", &conditions_type),
};
const struct json_type port_root = OBJECT(root_fields);

static int refuse(struct cni_error *err, const char *key, const char *instead)
{
	return error_set(err, CNI_ERR_UNSUPPORTED_FIELD, ENOTSUP,
			 "%s is not supported: %s", key, instead);
}

static void over_listener_settle(struct keys *keys)
{
	for (size_t i = 0; keys->over_listener && over_listener_words[i]; i++)
		if (strcmp(over_listener_words[i], keys->over_listener) == 0)
			keys->conf.over_listener = i;
}

static int check_keys(const struct keys *keys, struct cni_error *err)
{
	static const char *const conditions[] = {"conditionsV4", "conditionsV6"};
	const char *backend = keys->backend ? keys->backend : "";

	if (strcmp(backend, "iptables") == 0)
		return refuse(err, "backend: \"iptables\"",
			      "rules are written for nftables only, which iptables-nft "
			      "shares the kernel with; remove the key or set "
			      "\"nftables\"");
	if (*backend && strcmp(backend, "nftables") != 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "backend: \"%s\" is no backend, expected \"nftables\"",
				 backend);
	if (keys->mark_bit != NO_MARK)
		return refuse(err, "markMasqBit",
			      "what is masqueraded is told by labels of connections, "
			      "no packet is marked; remove the key");
	if (keys->mark_chain && *keys->mark_chain)
		return refuse(err, "externalSetMarkChain",
			      "what is masqueraded is told by labels of connections, "
			      "not by another program's mark; remove the key");
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
		if (keys->conditions[i].n > 0)
			return refuse(err, conditions[i],
				      "arguments of iptables; give the mapping a hostIP, "
				      "or drop in an nftables table of your own what a "
				      "host port is not to get");
	return 0;
}

static int check_usable(const struct keys *keys, bool has_ipam, struct cni_error *err)
{
	const struct port_mapping_list *entries = &keys->ports.entries;

	if (entries->n > 0 && !has_ipam)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "runtimeConfig.portMappings: the network has no ipam, "
				 "and a host port needs a pod with an address");
	for (size_t i = 0; i < entries->n && !keys->conf.snat; i++)
		if (ip_is_loopback(&entries->items[i].host_ip))
			return error_set(err, CNI_ERR_CONFIG, EINVAL,
					 "runtimeConfig.portMappings[%zu].hostIP: %s is "
					 "reached by masquerading only, which snat false "
					 "turns off",
					 i, IP_TEXT(&entries->items[i].host_ip));
	return 0;
}

static int merge(struct pod_ports *ports, struct cni_error *err)
{
	if (ports->entries.n == 0)
		return 0;
	if (port_mappings_merge(&ports->entries, &ports->mappings) < 0)
		return error_oom(err);
	if (ports->mappings.n <= PORT_RUNS_MAX)
		return 0;
	return error_set(err, CNI_ERR_CONFIG, E2BIG,
			 "runtimeConfig.portMappings: %zu ports and ranges of ports are "
			 "too many for one pod, expected at most %d; ports that follow "
			 "each other, on the same address and to ports that do so as "
			 "well, are one range",
			 ports->mappings.n, PORT_RUNS_MAX);
}

void pod_ports_clear(struct pod_ports *ports)
{
	free(ports->entries.items);
	free(ports->mappings.items);
	*ports = (struct pod_ports){};
}

int port_mappings_read(const struct json_doc *doc, bool has_ipam,
		       struct port_conf *ret_conf, struct pod_ports *ret_ports,
		       struct cni_error *err)
{
	struct keys keys = {.conf.snat = true, .mark_bit = NO_MARK};
	struct capabilities capabilities;
	int ret = capabilities_read(doc, &capabilities, err);

	if (ret == 0)
		ret = json_read(doc, &port_root, &keys, err);
	if (ret < 0)
		return ret;
	ret = check_keys(&keys, err);
	if (ret == 0)
		ret = check_usable(&keys, has_ipam, err);
	if (ret == 0)
		ret = merge(&keys.ports, err);
	for (size_t i = 0; i < ARRAY_SIZE(keys.conditions); i++)
		free(keys.conditions[i].items);
	if (ret < 0) {
		pod_ports_clear(&keys.ports);
		return ret;
	}
	over_listener_settle(&keys);
	keys.conf.expected = capabilities.port_mappings || keys.ports.entries.n > 0;
	*ret_conf = keys.conf;
	*ret_ports = keys.ports;
	return 0;
}
