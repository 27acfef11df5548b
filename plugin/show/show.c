/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has each network read and laid out, and prints it all at the end. */
#include "show.h"

#include <stdio.h>
#include <string.h>

#include "agent_facts.h"
#include "conf/base/list.h"
#include "conf/base/printable.h"
#include "names.h"
#include "pod_whole.h"
#include "show_json.h"
#include "show_text.h"

void show_clear(struct show *show)
{
	free(show->names);
	free(show->found);
	free(show->doc.out.text);
	free(show->attachments.out.text);
	free(show->others.out.text);
	free(show->text.text);
	free(show->unseen.text);
	for (size_t i = 0; i < show->owners.n; i++)
		free(show->owners.items[i].network);
	free(show->owners.items);
	*show = (struct show){};
}

int show_begin(struct show *show, struct cni_error *err)
{
	size_t n = 0;

	while (show->names && show->names[n])
		n++;
	show->found = calloc(n + 1, sizeof(*show->found));
	if (!show->found)
		return error_oom(err);
	if (!show->json)
		return 0;
	json_open(&show->doc, NULL, '{');
	json_text(&show->doc, "version", BRIDGE_CNI_VERSION);
	json_open(&show->doc, "networks", '[');
	show->attachments.depth = show->others.depth = show->doc.depth;
	return 0;
}

const char *show_unfound(const struct show *show)
{
	for (size_t i = 0; show->names && show->names[i]; i++)
		if (!show->found[i])
			return show->names[i];
	return NULL;
}

static bool was_shown(const struct show *show, uint64_t owner)
{
	for (size_t i = 0; i < show->owners.n; i++)
		if (show->owners.items[i].owner == owner)
			return true;
	return false;
}

/* Has the thing any of the names that are asked for? @is compares it with a name. The
 * names that it has are marked as found. */
static bool is_asked_for(struct show *show,
			 bool (*is)(const char *name, const void *thing),
			 const void *thing)
{
	bool asked = false;

	for (size_t i = 0; show->names[i]; i++)
		if (is(show->names[i], thing))
			asked = show->found[i] = true;
	return asked;
}

/* The network by its name, its bridge, or a gateway of its pods. */
static bool is_network(const char *name, const void *data)
{
	const struct network_facts *facts = data;

	for (size_t i = 0; i < facts->gateways.n; i++)
		if (name_is_address(name, &facts->gateways.items[i].address.addr))
			return true;
	return strcmp(name, facts->net->network->name) == 0 ||
	       strcmp(name, facts->net->bridge) == 0 ||
	       strcmp(name, facts->net->gateway_ifname) == 0 ||
	       name_is_mac(name, facts->bridge) || name_is_mac(name, facts->gateway);
}

static bool is_pod(const char *name, const void *pod)
{
	return shown_pod_has_name(pod, name);
}

static bool is_other(const char *name, const void *data)
{
	const struct ipam_view_other *other = data;

	return name_is_address(name, &other->ip) ||
	       name_begins_id(name, other->container_id);
}

static int pod_show(struct show *show, const struct network_facts *facts,
		    const struct shown_pod *pod, const char *file, struct cni_error *err)
{
	_cleanup_(pod_whole_clear) struct pod_whole whole = {};
	int ret = pod_whole_read(facts, pod, &whole, err);

	if (ret < 0)
		return ret;
	if (show->json)
		pod_whole_json(&show->attachments, &whole, file);
	else
		pod_whole_text(&show->text, &whole, show->colour);
	if (whole.unseen.text)
		text_append(&show->unseen, &whole.unseen);
	return 0;
}

static void network_show(struct show *show, const struct network_facts *facts,
			 const char *file)
{
	if (show->json)
		network_json(&show->doc, facts, file);
	else
		network_text(&show->text, facts, file, show->colour);
}

static void other_show(struct show *show, const struct network_facts *facts,
		       const struct ipam_view_other *other)
{
	if (show->json)
		other_json(&show->others, other);
	else
		other_text(&show->text, facts, other);
}

/* Adds the network, or what is asked for of it. */
static int facts_show(struct show *show, struct attachment *net, const char *file,
		      struct cni_error *err)
{
	_cleanup_(network_facts_clear) struct network_facts facts = {};
	int ret = network_facts_read(net, file != NULL, &facts, err);

	if (ret < 0)
		return ret;
	if (!show->names || is_asked_for(show, is_network, &facts))
		network_show(show, &facts, file);
	for (size_t i = 0; show->names && ret == 0 && i < facts.pods.n; i++)
		if (is_asked_for(show, is_pod, &facts.pods.items[i]))
			ret = pod_show(show, &facts, &facts.pods.items[i], file, err);
	for (size_t i = 0; show->names && i < facts.view.others.n; i++)
		if (is_asked_for(show, is_other, &facts.view.others.items[i]))
			other_show(show, &facts, &facts.view.others.items[i]);
	if (facts.unseen.text)
		text_append(&show->unseen, &facts.unseen);
	return ret;
}

int show_network(struct show *show, struct attachment *net, const char *file,
		 struct cni_error *err)
{
	struct shown_owner *owner;
	int ret;

	if (was_shown(show, net->owner))
		return 0;
	owner = LIST_ADD(&show->owners);
	if (!owner)
		return error_oom(err);
	owner->owner = net->owner;
	owner->network = strdup(net->network->name);
	if (!owner->network)
		return error_oom(err);
	ret = operation_open(net->op, err);
	if (ret == 0)
		ret = facts_show(show, net, file, err);
	operation_close(net->op);
	return ret;
}

void show_unseen(struct show *show, const char *network, const struct cni_error *err)
{
	for (size_t i = 0; i < show->owners.n; i++)
		if (show->owners.items[i].network &&
		    strcmp(show->owners.items[i].network, network) == 0)
			return;
	text_add(&show->unseen, "network %s: %s\n", network, err->msg);
}

void show_unread(struct show *show, const char *what, const struct cni_error *err)
{
	text_add(&show->unseen, "%s: %s\n", what, err->msg);
}

static void unseen_json(struct show *show)
{
	const char *line = show->unseen.text, *end;

	json_open(&show->doc, "unseen", '[');
	for (; line && (end = strchr(line, '\n')); line = end + 1) {
		char *text = strndup(line, end - line);

		if (text)
			json_text(&show->doc, NULL, text);
		else
			show->doc.out.failed = true;
		free(text);
	}
	json_close(&show->doc, ']');
}

static void unseen_text(struct show *show)
{
	const char *line = show->unseen.text, *end;

	for (; line && (end = strchr(line, '\n')); line = end + 1) {
		char *text = strndup(line, end - line);

		text_add(&show->text, "not seen: ");
		if (text)
			text_add_printable(&show->text, text);
		else
			show->text.failed = true;
		text_add(&show->text, "\n");
		free(text);
	}
}

int show_end(struct show *show, struct cni_error *err)
{
	_cleanup_(agent_facts_clear) struct agent_facts agent = {};
	_cleanup_(free_p) char *text = NULL;

	if (!show->names)
		agent_facts_read(&agent);
	if (show->json) {
		json_close(&show->doc, ']');
		json_open(&show->doc, "attachments", '[');
		json_append(&show->doc, &show->attachments);
		json_close(&show->doc, ']');
		json_open(&show->doc, "reservations", '[');
		json_append(&show->doc, &show->others);
		json_close(&show->doc, ']');
		agent_json(&show->doc, &agent);
		unseen_json(show);
		json_close(&show->doc, '}');
		text = json_finish(&show->doc);
		if (!text)
			return error_oom(err);
		fputs(text, stdout);
		return 0;
	}
	agent_text(&show->text, &agent, show->colour);
	unseen_text(show);
	if (show->text.failed || show->unseen.failed)
		return error_oom(err);
	if (show->text.text)
		fputs(show->text.text, stdout);
	return 0;
}
