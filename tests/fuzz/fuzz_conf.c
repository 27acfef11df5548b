/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration, as every operation reads it, and as a template of the agent's. The input
 * is what stdin would give. */
#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>

#include "conf/file_advice.h"
#include "conf/findings.h"
#include "conf/names.h"
#include "conf/net_list.h"
#include "conf/net_list_check.h"
#include "conf/config.h"
#include "conf/json/json_overlay.h"
#include "conf/request.h"
#include "conf/valid_set.h"

static void promise_range(const struct ip_range *range)
{
	struct ip_prefix network = prefix_network(&range->subnet);

	PROMISE(prefix_equal(&network, &range->subnet));
	PROMISE(range->subnet.len <= ip_bits(range->subnet.addr.family));
	PROMISE(prefix_contains(&range->subnet, &range->start));
	PROMISE(prefix_contains(&range->subnet, &range->end));
	PROMISE(ip_cmp(&range->start, &range->end) <= 0);
	PROMISE(range->gateway.family == range->subnet.addr.family);
}

static void promise_sets(const struct range_set_list *sets)
{
	for (size_t i = 0; i < sets->n; i++) {
		PROMISE(sets->items[i].n > 0);
		for (size_t j = 0; j < sets->items[i].n; j++) {
			promise_range(&sets->items[i].ranges[j]);
			PROMISE(sets->items[i].ranges[j].start.family ==
				sets->items[i].ranges[0].start.family);
		}
	}
}

static void promise_routes(const struct route_list *routes)
{
	for (size_t i = 0; i < routes->n; i++) {
		const struct route *route = &routes->items[i];
		struct ip_prefix network = prefix_network(&route->dst);

		PROMISE(prefix_equal(&network, &route->dst));
		PROMISE(route->gw.family == 0 ||
			route->gw.family == route->dst.addr.family);
	}
}

static void promise_network(const struct network *conf)
{
	PROMISE(cni_name_valid(conf->name));
	/* Empty: the rest is another plugin's. */
	PROMISE(!conf->bridge[0] || switch_place_valid(conf->bridge));
	PROMISE(!conf->bridge[0] ||
		switch_has_bridge(conf->switch_kind) == ifname_valid(conf->bridge));
	PROMISE(conf->ipam.data_dir && conf->ipam.data_dir[0] == '/');
	PROMISE(!conf->ipam.resolv_conf || conf->ipam.resolv_conf[0] == '/');
	PROMISE(conf->vlan <= 4094);
	promise_sets(&conf->ipam.sets);
	promise_routes(&conf->ipam.routes);
	for (size_t i = 0; i < conf->vlan_trunk.n; i++)
		PROMISE(conf->vlan_trunk.items[i].min_id <=
			conf->vlan_trunk.items[i].max_id);
}

static void promise_pod(const struct pod *pod)
{
	const struct cni_result *prev = &pod->prev_result;
	size_t ports = 0;

	PROMISE(!pod->mac.set || mac_is_unicast(&pod->mac));
	for (size_t i = 0; i < pod->ports.mappings.n; i++) {
		const struct port_mapping *port = &pod->ports.mappings.items[i];

		PROMISE(port->host_port >= 1 && port->container_port >= 1);
		PROMISE(port->count >= 1 && port->host_port + port->count - 1 <= 65535);
		PROMISE(port->container_port + port->count - 1 <= 65535);
		ports += port->count;
		PROMISE(strcmp(port_protocol_name(port->protocol), "?") != 0);
	}
	/* Overlapping mappings become one; a mapping for all addresses may become two, one a
	 * family. */
	PROMISE(ports <= pod->ports.entries.n);
	PROMISE(!pod->ports.entries.n == !pod->ports.mappings.n);
	for (size_t i = 0; i < prev->ips.n; i++)
		PROMISE(prev->ips.items[i].interface < (int)prev->interfaces.n);
	fuzz_promise_result(prev);
}

/* 0 or -errno, as config_read(). */
static int read_scope(const struct json_doc *doc, enum config_scope scope)
{
	_cleanup_(network_clear) struct network conf = {};
	_cleanup_(pod_clear) struct pod pod = {};
	struct cni_error err = {};
	int ret = config_read(doc, scope, &conf, &pod, &err);

	fuzz_promise_error(ret, &err);
	if (ret < 0) {
		PROMISE(!conf.name && !conf.ipam.sets.items);
		PROMISE(!pod.ports.entries.items && !pod.has_prev_result);
		return ret;
	}
	promise_network(&conf);
	promise_pod(&pod);
	return 0;
}

static void read_valid_set(const struct json_doc *doc)
{
	_cleanup_(valid_set_clear) struct valid_set set = {};
	struct cni_error err = {};
	int ret = valid_set_read(doc, &set, &err);

	fuzz_promise_error(ret, &err);
	if (ret == 0)
		(void)valid_set_has(&set, "c1", "eth0");
}

/* As a file of a runtime's directory: what is taken out of it is JSON with its name. */
static void read_list(const char *text, size_t len)
{
	static const char *const types[] = {"bridge-cni", NULL};
	_cleanup_(net_list_clear) struct net_list list = {};
	struct cni_error err = {};
	int ret = net_list_read(text, len, types, &list, &err);

	fuzz_promise_error(ret, &err);
	PROMISE(ret == 0 || !list.items);
	for (size_t i = 0; i < list.n; i++) {
		_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
		size_t n = strlen(list.items[i].text);

		ret = json_parse(list.items[i].text, n, &doc, &err);
		PROMISE(ret == 0 || n > JSON_TEXT_MAX);
		error_clear(&err);
	}
}

/* As validate has it, as a list and as one plugin: each finding is a printable line. */
static void find(const char *text, size_t len, const struct json_doc *doc)
{
	const struct cni_env env = {
		.verb = CNI_VALIDATE, .container_id = "", .ifname = ""};
	_cleanup_(findings_clear) struct findings findings = {};
	_cleanup_(notices_clear) struct notices notices = {};
	_cleanup_(request_clear) struct request request = {};
	enum cni_version version = CNI_0_1_0;
	struct cni_error err = {};
	int ret;

	findings_begin(&findings, "x.conf");
	net_list_check(doc, "x.conf", &findings);
	net_plugin_check(doc, "x.conflist", false, &findings);
	ret = request_read(text, len, &env, &request, &version, &notices, &err);
	fuzz_promise_error(ret, &err);
	if (ret == 0)
		advise_file(&request, false, &notices);
	(void)plugin_work_of(doc);
	finding_add(&findings, FINDING_WARNING, 0, "%s",
		    notices.text ? notices.text : "");
	PROMISE(!findings.out_of_memory);
	for (size_t i = 0; i < findings.n; i++)
		for (const char *c = findings.items[i].text; *c; c++)
			PROMISE((unsigned char)*c >= ' ' && *c != 0x7f);
}

/* As ADD has it from the first byte on: what is told besides is printable lines. */
static void read_request(const char *text, size_t len)
{
	const struct cni_env env = {
		.verb = CNI_ADD, .container_id = "c1", .ifname = "eth0"};
	_cleanup_(request_clear) struct request request = {};
	_cleanup_(notices_clear) struct notices notices = {};
	enum cni_version version = CNI_0_1_0;
	struct cni_error err = {};
	int ret = request_read(text, len, &env, &request, &version, &notices, &err);

	fuzz_promise_error(ret, &err);
	for (const char *c = notices.text; c && *c; c++)
		PROMISE(((unsigned char)*c >= ' ' && *c != 0x7f) || *c == '\n');
	PROMISE(ret < 0 || request.network.name);
}

/* Lays @over on @base, and gives the text. NULL: it was refused. */
static char *lay(const char *base, const struct json_doc *over)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct cni_error err = {};
	char *text;
	int ret;

	if (strlen(base) > JSON_TEXT_MAX)
		return NULL;
	PROMISE(json_parse(base, strlen(base), &doc, &err) == 0);
	ret = json_overlay(doc, over, &err);
	fuzz_promise_error(ret, &err);
	text = json_doc_text(doc);
	PROMISE(text);
	if (strlen(text) <= JSON_TEXT_MAX) {
		_cleanup_(json_doc_freep) struct json_doc *again = NULL;

		PROMISE(json_parse(text, strlen(text), &again, &err) == 0 || ret < 0);
	}
	if (ret == 0)
		return text;
	free(text);
	return NULL;
}

/* As a template of the agent's list: what is laid once is there, so that once more
 * changes nothing. */
static void lay_over(const struct json_doc *doc)
{
	static const char base[] =
		"{\"cniVersion\": \"1.0.0\", \"name\": \"n\", \"plugins\": ["
		"{\"type\": \"bridge-cni\", \"mtu\": 1400, \"ipam\": {\"ranges\": "
		"[[{\"subnet\": \"10.1.0.0/24\"}]]}}, {\"type\": \"tuning\"}]}";
	_cleanup_(free_p) char *own = json_doc_text(doc);
	_cleanup_(free_p) char *over_own = lay(own, doc), *once = lay(base, doc);
	_cleanup_(free_p) char *twice = once ? lay(once, doc) : NULL;

	PROMISE(!over_own || strcmp(over_own, own) == 0);
	PROMISE(!twice || strcmp(twice, once) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct cni_error err = {};
	int ret, whole;

	ret = json_parse((const char *)data, size, &doc, &err);
	fuzz_promise_error(ret, &err);
	if (ret < 0) {
		PROMISE(!doc && err.code == CNI_ERR_JSON);
		return 0;
	}
	lay_over(doc);
	read_valid_set(doc);
	read_request((const char *)data, size);
	read_list((const char *)data, size);
	find((const char *)data, size, doc);
	/* What ADD took, DEL takes. */
	whole = read_scope(doc, CONFIG_WHOLE);
	ret = read_scope(doc, CONFIG_IDENTITY);
	PROMISE(whole < 0 || ret == 0);
	whole = read_scope(doc, CONFIG_IPAM);
	ret = read_scope(doc, CONFIG_IPAM_IDENTITY);
	PROMISE(whole < 0 || ret == 0);
	ret = read_scope(doc, CONFIG_IPAM_CHECK);
	PROMISE(whole == 0 || ret < 0);
	whole = read_scope(doc, CONFIG_PREV_RESULT);
	ret = read_scope(doc, CONFIG_NAME);
	PROMISE(whole < 0 || ret == 0);
	return 0;
}
