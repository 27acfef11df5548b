/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stages tell `bridge-cni show`, each of its own part. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_FACTS_H
#define BRIDGE_CNI_PLUGIN_STAGE_FACTS_H

#include "plugin/nft/rules.h"

/* The rules of a stage in one table. */
struct stage_rules {
	const char *stage;
	const char *family; /* of the table: "inet", "bridge" */
	struct rules_state state;
};

/* A fact in words, of one attachment. */
struct stage_line {
	const char *stage;
	char *text; /* owned */
};

/* Begins as zeros. */
struct stage_facts {
	/* The pods that the network has, by their records: a network without pods needs no
	 * rules. The caller fills it in. */
	struct {
		bool any; /* any are connected */
		bool have_ports; /* any of them has host ports */
	} pods;
	struct {
		struct stage_rules *items;
		size_t n;
	} rules;
	/* The network has the key isolate, and this interface of a network is missing in the
	 * sets that it needs for that; "": none is. */
	char not_isolated[IF_NAMESIZE];
	/* The network hasn't the key, another one has "strict", and this one counts as the
	 * outside for that. */
	bool is_outside;
	struct prefix_list keeps; /* destinations that see a pod's own address; owned */
	struct {
		struct stage_line *items;
		size_t n;
	} lines;
	/* Of one attachment: its elements that neither key nor comment tells the pod of, a
	 * line (set_element_describe()) for each; owned. */
	struct text elements;
};
void stage_facts_clear(struct stage_facts *facts);

/* Looks which rules of @wanted are there, and adds that. Codes 100, 101. */
int stage_facts_rules(struct stage_facts *facts, struct attachment *att,
		      const char *stage, struct rule_list *wanted, struct cni_error *err);

/* Adds a line. Code 100. */
int stage_facts_line(struct stage_facts *facts, const char *stage, struct cni_error *err,
		     const char *fmt, ...) _printf_(4, 5);

#endif
