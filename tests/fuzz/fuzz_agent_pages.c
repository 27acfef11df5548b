/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What show makes of the pages of whoever listens on the agent's port. The input is the page
 * /metrics and, behind a line "--", the page /readyz.
 */
#include "fuzz.h"

#include "plugin/show/agent_facts.h"

#define BORDER "\n--\n"

/* A terminal acts on control characters, and on those of the second half of Latin-1. */
static void promise_printable(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	for (; c && *c; c++) {
		PROMISE(*c == '\n' || (*c >= ' ' && *c != 0x7f));
		PROMISE(c[0] != 0xc2 || c[1] >= 0xa0);
	}
}

static void promise_json(const struct agent_facts *facts)
{
	struct json_writer doc = {};
	char *text;

	json_open(&doc, NULL, '{');
	agent_json(&doc, facts);
	json_close(&doc, '}');
	text = json_finish(&doc);
	promise_printable(text);
	fuzz_promise_json(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(agent_facts_clear) struct agent_facts facts = {};
	struct text text = {};
	char *border;

	facts.text = strndup((const char *)data, size);
	PROMISE(facts.text != NULL);
	border = strstr(facts.text, BORDER);
	if (border) {
		facts.says = strdup(border + strlen(BORDER));
		border[1] = '\0';
	}
	agent_metrics_read(&facts);
	for (size_t i = 0; i < facts.metrics.n; i++)
		PROMISE(facts.metrics.items[i].name[0]);
	facts.ready = size % 2;
	promise_json(&facts);
	agent_text(&text, &facts, false);
	PROMISE(!text.failed && (text.len > 0) == facts.answers);
	promise_printable(text.text);
	free(text.text);
	return 0;
}
