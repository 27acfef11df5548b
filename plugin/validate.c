/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has each plugin of a file read by the functions that ADD, DEL and GC read theirs by. */
#include "validate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/file_advice.h"
#include "conf/json/json_doc.h"
#include "conf/json/json_query.h"
#include "conf/json/json_write.h"
#include "conf/net_list.h"
#include "conf/net_list_check.h"
#include "conf/range_kinds.h"
#include "conf/request.h"
#include "conf/route_gateways.h"
#include "conf/valid_set.h"
#include "input.h"
#include "plugin/attachment/operation.h"
#include "policy_file.h"

/* The plugins of the list that may do the same work a second time. */
struct chain {
	struct net_list portmaps, bandwidths;
	bool ports_are_mapped; /* one of them does */
};

static void chain_clear(struct chain *chain)
{
	net_list_clear(&chain->portmaps);
	net_list_clear(&chain->bandwidths);
}

static void error_add(struct findings *findings, const char *operations,
		      const struct cni_error *err)
{
	finding_add(findings, FINDING_ERROR, err->code, "%s%s%s%s (%s with code %d)",
		    err->msg, err->details[0] ? " (" : "", err->details,
		    err->details[0] ? ")" : "", operations, err->code);
}

static void notices_add(struct findings *findings, const struct notices *notices)
{
	const char *line = notices->text, *end;

	for (; line && (end = strchr(line, '\n')); line = end + 1)
		finding_add(findings, FINDING_WARNING, 0, "%.*s", (int)(end - line),
			    line);
}

static struct plugin_work work_of(const char *text)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;

	if (json_parse(text, strlen(text), &doc, NULL) < 0)
		return (struct plugin_work){};
	return plugin_work_of(doc);
}

/* A removal reads less than an ADD, and in another order. */
static int removal_read(const char *text, struct cni_error *err)
{
	const struct cni_env env = {
		.verb = CNI_DEL,
		.container_id = "",
		.netns = "",
		.ifname = "",
		.path = "",
	};
	_cleanup_(request_clear) struct request request = {};
	_cleanup_(valid_set_clear) struct valid_set valid = {};
	enum cni_version version;
	int ret = request_read(text, strlen(text), &env, &request, &version, NULL, err);

	return ret < 0 ? ret : valid_set_read(request.doc, &valid, err);
}

/* Asks the policy of this node, where there is one that this user may read. */
static void policy_look(struct operation *op, const struct request *request,
			struct findings *findings)
{
	struct cni_error err = {};
	int ret = policy_ask(op, request, &err);

	if (ret == -EACCES)
		finding_add(findings, FINDING_WARNING, 0,
			    "%s; run validate as root to have the policy looked at",
			    err.msg);
	else if (ret < 0)
		error_add(findings, "ADD fails", &err);
}

static void addition_read(const struct net_list_plugin *plugin, const char *file,
			  const struct chain *chain, struct cni_error *err,
			  struct findings *findings)
{
	const char *text = plugin->text;
	const struct cni_env env = {
		.verb = CNI_VALIDATE,
		.container_id = "",
		.netns = "",
		.ifname = "",
		.path = "",
	};
	_cleanup_(request_clear) struct request request = {};
	_cleanup_(operation_clear) struct operation op;
	enum cni_version version;
	int ret;

	operation_init(&op, &env);
	ret = request_read(text, strlen(text), &env, &request, &version, &op.notices,
			   err);
	/* Whether an earlier plugin gives an address, only its ADD tells. */
	if (ret == 0)
		ret = network_check_prev_result(&request.network, plugin->index > 0, err);
	if (ret == 0)
		advise_file(&request, chain->ports_are_mapped, &op.notices);
	if (request.doc)
		net_plugin_check(request.doc, file, plugin->index >= 0, findings);
	notices_add(findings, &op.notices);
	if (ret < 0)
		return;
	route_gateways_check(&request, findings);
	range_kinds_check(&request, findings);
	policy_look(&op, &request, findings);
}

static void plugin_validate(const struct net_list_plugin *plugin, const char *file,
			    const struct chain *chain, struct findings *findings)
{
	struct cni_error add = {}, removal = {};

	addition_read(plugin, file, chain, &add, findings);
	removal_read(plugin->text, &removal);
	if (add.code && removal.code && strcmp(add.msg, removal.msg) == 0) {
		error_add(findings, "ADD, DEL and GC fail", &add);
		return;
	}
	if (add.code)
		error_add(findings, "ADD fails", &add);
	if (removal.code)
		error_add(findings, "DEL or GC fails", &removal);
}

/* @ours, a plugin of the list, does the work already. */
static void doubles_find(const struct net_list *list, const struct net_list_plugin *ours,
			 const struct net_list *others, bool of_ports, const char *type,
			 struct findings *findings)
{
	const struct plugin_work work = work_of(ours->text);

	for (size_t i = 0; list->is_list && i < others->n; i++) {
		const struct plugin_work theirs = work_of(others->items[i].text);

		findings->at.plugin = others->items[i].index;
		findings->at.type = type;
		if (of_ports && work.maps_ports && theirs.maps_ports)
			finding_add(
				findings, FINDING_WARNING, 0,
				"capabilities.portMappings: plugins[%d] declares it as "
				"well, and both map the host ports; remove it from one of "
				"the two",
				ours->index);
		else if (!of_ports && work.limits_rates && theirs.limits_rates)
			finding_add(
				findings, FINDING_WARNING, 0,
				"capabilities.bandwidth: plugins[%d] limits the rates as "
				"well; remove the capability and the rates from one of the "
				"two",
				ours->index);
	}
}

static void list_validate(const char *text, size_t len, const struct net_list *list,
			  struct findings *findings)
{
	static const char *const portmap[] = {"portmap", NULL};
	static const char *const bandwidth[] = {"bandwidth", NULL};
	_cleanup_(chain_clear) struct chain chain = {};
	const char *file = findings->at.file;

	(void)net_list_read(text, len, portmap, &chain.portmaps, NULL);
	(void)net_list_read(text, len, bandwidth, &chain.bandwidths, NULL);
	for (size_t i = 0; i < chain.portmaps.n; i++)
		if (work_of(chain.portmaps.items[i].text).maps_ports)
			chain.ports_are_mapped = true;
	for (size_t i = 0; i < list->n; i++) {
		const struct net_list_plugin *plugin = &list->items[i];

		findings->at.plugin = plugin->index;
		findings->at.type = plugin->type;
		plugin_validate(plugin, file, &chain, findings);
		doubles_find(list, plugin, &chain.portmaps, true, portmap[0], findings);
		doubles_find(list, plugin, &chain.bandwidths, false, bandwidth[0],
			     findings);
	}
	findings->at.plugin = -1;
	findings->at.type = NULL;
}

/* Tells the file as fine, if that is wanted and nothing else was said of it. */
static void fine_add(const struct json_doc *doc, struct findings *findings)
{
	const char *name = network_name_find(doc);

	if (findings->tells_fine && findings->at.n[FINDING_WARNING] == 0 &&
	    findings->at.n[FINDING_ERROR] == 0 && name)
		finding_add(findings, FINDING_FINE, 0, "network %s: nothing to mend",
			    name);
}

size_t validate_file(struct findings *findings, const char *const *types, int fd,
		     bool alone)
{
	_cleanup_(net_list_clear) struct net_list list = {};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	const char *file = findings->at.file;
	_cleanup_(free_p) char *text = NULL;
	struct cni_error err = {};
	size_t len = 0;
	int ret;

	ret = input_read(fd, file, &text, &len, &err);
	if (ret == 0)
		ret = json_parse(text, len, &doc, &err);
	if (ret == 0)
		ret = net_list_read(text, len, types, &list, &err);
	if (ret < 0) {
		error_add(findings, "ADD, DEL and GC fail", &err);
		return 0;
	}
	if (list.n == 0 && !alone)
		return 0; /* the file is other plugins' */
	if (list.is_list)
		net_list_check(doc, file, findings);
	if (list.n == 0)
		finding_add(
			findings, FINDING_WARNING, 0,
			list.is_list || json_has_at(doc,
						    (const char *const[]){"type", NULL})
				? "no plugin of type \"%s\" is in it; write this "
				  "\"type\" where one is meant"
				: "no plugin of type \"%s\" is in it: it has "
				  "neither the \"plugins\" of a list nor the \"type\" "
				  "of a plugin; write one of the two",
			types[0]);
	list_validate(text, len, &list, findings);
	if (list.n > 0)
		fine_add(doc, findings);
	return list.n;
}

static const char *level_name(const struct finding *finding)
{
	static const char *const names[FINDING_LEVELS] = {"ok", "warning", "error"};

	return names[finding->level];
}

static void line_print(const struct finding *finding)
{
	printf("%s: ", finding->file);
	if (finding->plugin >= 0)
		printf("plugins[%d] ", finding->plugin);
	if (finding->type)
		printf("%s: ", finding->type);
	printf("%s: %s\n", level_name(finding), finding->text);
}

static void json_print(const struct findings *findings)
{
	_cleanup_(free_p) char *text = NULL;
	struct json_writer writer = {};

	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *finding = &findings->items[i];

		json_open(&writer, NULL, '{');
		json_text(&writer, "file", finding->file);
		if (finding->plugin >= 0)
			json_number(&writer, "plugin", finding->plugin);
		json_text_if(&writer, "type", finding->type);
		json_text(&writer, "level", level_name(finding));
		json_number_if(&writer, "code", finding->code);
		json_text(&writer, "message", finding->text);
		json_close(&writer, '}');
	}
	json_close(&writer, ']');
	text = json_finish(&writer);
	if (text)
		fputs(text, stdout);
}

int validate_print(const struct findings *findings, bool as_json)
{
	enum finding_level worst = FINDING_FINE;

	for (size_t i = 0; i < findings->n; i++) {
		if (!as_json)
			line_print(&findings->items[i]);
		if (findings->items[i].level > worst)
			worst = findings->items[i].level;
	}
	if (as_json)
		json_print(findings);
	return worst == FINDING_ERROR	  ? VALIDATE_ERRORS
	       : worst == FINDING_WARNING ? VALIDATE_WARNINGS
					  : 0;
}
