/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chain_walk.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "chain_names.h"

#define DEPTH_MAX 16 /* of jumps; the kernel's limit */
#define RULES_MAX 65536 /* of a walk: beyond, what happens isn't known */

struct walk {
	const struct chain_source *source;
	struct chain_walked *walked;
	void *chains; /* a tree of struct judged_chain: all that were come to */
	size_t rules; /* so many were walked over */
};

/* The rules of a chain are judged once in a walk, however many jumps lead there: two in
 * each chain lead 65,536 times to the last one of a row of 16. */
struct judged_chain {
	char name[CHAIN_NAME_MAX];
	struct rule_judged_list rules;
};

enum walk_end {
	WALK_ENDS_HERE,
	WALK_ACCEPTED,
	WALK_DROPPED,
	WALK_LOST
};

static void program_tell(struct chain_walked *walked, const char *chain)
{
	walked->of_docker |= chain_is_dockers(chain);
	walked->of_ufw |= chain_is_ufws(chain);
	walked->of_reference |= strncmp(chain, "CNI-", strlen("CNI-")) == 0;
}

static void by_chain(struct chain_walked *walked, const char *chain)
{
	memcpy(walked->by, chain, strlen(chain) + 1);
}

static void perhaps_drops(struct chain_walked *walked, const char *chain)
{
	if (!walked->perhaps)
		by_chain(walked, chain);
	walked->perhaps = true;
}

/* Doubts about the way to a chain. */
struct doubt {
	bool unsure; /* whether the packet comes there */
	bool of_some; /* by what differs from packet to packet */
};

static int rules_of_chain_walk(struct walk *walk, const char *chain, struct doubt before,
			       unsigned int depth, struct cni_error *err);

/* Returns an enum walk_end, or -errno. */
static int rules_walk(struct walk *walk, const struct rule_judged_list *rules,
		      const char *chain, struct doubt before, unsigned int depth,
		      struct cni_error *err)
{
	struct chain_walked *walked = walk->walked;

	for (size_t i = 0; i < rules->n; i++) {
		const struct rule_judged *rule = &rules->items[i];
		const struct doubt doubt = {
			.unsure = before.unsure || rule->unsure,
			.of_some = before.of_some || (rule->unsure && rule->of_some),
		};
		int ret;

		walked->marks |= rule->marks && !doubt.of_some;
		switch (rule->effect) {
		case RULE_ACCEPTS:
			if (!doubt.unsure)
				return WALK_ACCEPTED;
			walked->unsure = true;
			break;
		case RULE_ANYTHING:
			walked->unsure = true;
			if (!doubt.of_some)
				perhaps_drops(walked, chain);
			break;
		case RULE_DROPS:
			if (doubt.unsure) {
				if (!doubt.of_some)
					perhaps_drops(walked, chain);
				break;
			}
			walked->perhaps = false;
			by_chain(walked, chain);
			return WALK_DROPPED;
		case RULE_RETURNS:
			if (!doubt.unsure)
				return WALK_ENDS_HERE;
			/* A packet may not come to the rules behind this one. */
			before.unsure = true;
			break;
		case RULE_JUMPS:
		case RULE_GOES:
			program_tell(walked, rule->chain);
			ret = rules_of_chain_walk(walk, rule->chain, doubt, depth + 1,
						  err);
			if (ret != WALK_ENDS_HERE)
				return ret;
			if (rule->effect == RULE_GOES && !doubt.unsure)
				return WALK_ENDS_HERE;
			before.unsure |= rule->effect == RULE_GOES;
			break;
		case RULE_NONE:
			break;
		}
	}
	return WALK_ENDS_HERE;
}

static int by_name(const void *a, const void *b)
{
	const struct judged_chain *first = a, *second = b;

	return strcmp(first->name, second->name);
}

static void judged_free(void *data)
{
	struct judged_chain *judged = data;

	free(judged->rules.items);
	free(judged);
}

static int chain_judge(struct walk *walk, const char *chain,
		       const struct rule_judged_list **ret_rules, struct cni_error *err)
{
	struct judged_chain key, *judged;
	void *found;
	int ret;

	memcpy(key.name, chain, strlen(chain) + 1);
	found = tfind(&key, &walk->chains, by_name);
	if (found) {
		*ret_rules = &(*(struct judged_chain **)found)->rules;
		return 0;
	}
	judged = calloc(1, sizeof(*judged));
	if (!judged)
		return error_oom(err);
	memcpy(judged->name, chain, strlen(chain) + 1);
	ret = walk->source->rules(walk->source, chain, &judged->rules, err);
	if (ret >= 0 && !tsearch(judged, &walk->chains, by_name))
		ret = error_oom(err);
	if (ret < 0) {
		judged_free(judged);
		return ret;
	}
	*ret_rules = &judged->rules;
	return 0;
}

static int rules_of_chain_walk(struct walk *walk, const char *chain, struct doubt before,
			       unsigned int depth, struct cni_error *err)
{
	const struct rule_judged_list *rules;
	int ret;

	if (depth > DEPTH_MAX || walk->rules > RULES_MAX)
		return WALK_LOST;
	ret = chain_judge(walk, chain, &rules, err);
	if (ret < 0)
		return ret;
	walk->rules += rules->n + 1;
	return rules_walk(walk, rules, chain, before, depth, err);
}

int chain_walk(const struct chain_source *source, const char *chain, bool policy_drops,
	       struct chain_walked *ret_walked, struct cni_error *err)
{
	struct chain_walked walked = {};
	struct walk walk = {.source = source, .walked = &walked};
	int ret = rules_of_chain_walk(&walk, chain, (struct doubt){}, 0, err);

	tdestroy(walk.chains, judged_free);
	if (ret < 0)
		return ret;
	if (ret == WALK_LOST)
		perhaps_drops(&walked, chain);
	if (ret == WALK_ENDS_HERE && policy_drops) {
		walked.perhaps = false;
		walked.by[0] = '\0';
	}
	*ret_walked = walked;
	if (!walked.perhaps &&
	    (ret == WALK_ACCEPTED || (ret == WALK_ENDS_HERE && !policy_drops)))
		return 0;
	return CHAIN_DROPS;
}
