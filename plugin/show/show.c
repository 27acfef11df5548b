/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has each network read and laid out, and prints it all at the end. */
#include "show.h"

#include <stdio.h>
#include <string.h>

#include "agent_facts.h"
#include "conf/base/list.h"
#include "conf/base/printable.h"
#include "network_facts.h"
#include "show_json.h"
#include "show_text.h"

void show_clear(struct show *show)
{
	free(show->doc.out.text);
	free(show->text.text);
	free(show->unseen.text);
	for (size_t i = 0; i < show->owners.n; i++)
		free(show->owners.items[i].network);
	free(show->owners.items);
	*show = (struct show){};
}

void show_begin(struct show *show)
{
	if (!show->json)
		return;
	json_open(&show->doc, NULL, '{');
	json_text(&show->doc, "version", BRIDGE_CNI_VERSION);
	json_open(&show->doc, "networks", '[');
}

static bool was_shown(const struct show *show, uint64_t owner)
{
	for (size_t i = 0; i < show->owners.n; i++)
		if (show->owners.items[i].owner == owner)
			return true;
	return false;
}

static int facts_show(struct show *show, struct attachment *net, const char *file,
		      struct cni_error *err)
{
	_cleanup_(network_facts_clear) struct network_facts facts = {};
	int ret = network_facts_read(net, file, &facts, err);

	if (ret < 0)
		return ret;
	if (show->json)
		network_json(&show->doc, &facts, file);
	else
		network_text(&show->text, &facts, file, show->colour);
	if (facts.unseen.text)
		text_append(&show->unseen, &facts.unseen);
	return 0;
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

	agent_facts_read(&agent);
	if (show->json) {
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
