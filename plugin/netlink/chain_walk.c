/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chain_walk.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16 /* of jumps; the kernel's limit */
#define RULES_MAX 65536 /* of a walk: beyond, what happens isn't known */

struct walk {
	const struct chain_source *source;
	struct chain_walked *walked;
	size_t rules; /* so many were looked at */
};

enum walk_end {
	WALK_ENDS_HERE,
	WALK_ACCEPTED,
	WALK_DROPPED,
	WALK_LOST
};

static void program_tell(struct chain_walked *walked, const char *chain)
{
	walked->of_docker |= strncmp(chain, "DOCKER", strlen("DOCKER")) == 0;
	walked->of_ufw |= strncmp(chain, "ufw", strlen("ufw")) == 0;
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

/* What isn't known of the way to a chain. */
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

static int rules_of_chain_walk(struct walk *walk, const char *chain, struct doubt before,
			       unsigned int depth, struct cni_error *err)
{
	struct rule_judged_list rules = {};
	int ret;

	if (depth > DEPTH_MAX || walk->rules > RULES_MAX)
		return WALK_LOST;
	ret = walk->source->rules(walk->source, chain, &rules, err);
	walk->rules += rules.n + 1;
	if (ret >= 0)
		ret = rules_walk(walk, &rules, chain, before, depth, err);
	free(rules.items);
	return ret;
}

int chain_walk(const struct chain_source *source, const char *chain, bool policy_drops,
	       struct chain_walked *ret_walked, struct cni_error *err)
{
	struct chain_walked walked = {};
	struct walk walk = {source, &walked, 0};
	int ret = rules_of_chain_walk(&walk, chain, (struct doubt){}, 0, err);

	if (ret < 0)
		return ret;
	if (ret == WALK_LOST)
		perhaps_drops(&walked, chain);
	if (ret == WALK_ENDS_HERE && policy_drops) {
		walked.perhaps = false;
		walked.by[0] = '\0';
	}
	if (!walked.perhaps &&
	    (ret == WALK_ACCEPTED || (ret == WALK_ENDS_HERE && !policy_drops)))
		return 0;
	*ret_walked = walked;
	return CHAIN_DROPS;
}
