/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of facts. */
#include "facts.h"

#include <stdarg.h>
#include <stdio.h>

#include "conf/base/list.h"

void stage_facts_clear(struct stage_facts *facts)
{
	for (size_t i = 0; i < facts->rules.n; i++)
		free(facts->rules.items[i].state.missing.text);
	for (size_t i = 0; i < facts->lines.n; i++)
		free(facts->lines.items[i].text);
	free(facts->rules.items);
	free(facts->keeps.items);
	free(facts->lines.items);
	free(facts->elements.text);
	*facts = (struct stage_facts){};
}

int stage_facts_rules(struct stage_facts *facts, struct attachment *att,
		      const char *stage, struct rule_list *wanted, struct cni_error *err)
{
	struct stage_rules *rules = LIST_ADD(&facts->rules);
	int ret = rules ? rules_look(att, stage, wanted, &rules->state, err)
			: error_oom(err);

	if (!rules)
		return ret;
	rules->stage = stage;
	rules->family = rule_list_family(wanted);
	if (ret == 0 && rules->state.missing.failed)
		ret = error_oom(err);
	/* Rules that could not be read are neither there nor missing. */
	if (ret < 0 || rules->state.expected == 0) {
		free(rules->state.missing.text);
		facts->rules.n--;
	}
	return ret;
}

int stage_facts_line(struct stage_facts *facts, const char *stage, struct cni_error *err,
		     const char *fmt, ...)
{
	struct stage_line *line = LIST_ADD(&facts->lines);
	va_list args;
	int len = -1;

	if (!line)
		return error_oom(err);
	va_start(args, fmt);
	len = vasprintf(&line->text, fmt, args);
	va_end(args);
	line->stage = stage;
	if (len >= 0)
		return 0;
	facts->lines.n--;
	return error_oom(err);
}
