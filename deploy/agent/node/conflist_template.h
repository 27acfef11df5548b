/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A template of the configuration list, as an administrator writes it: a list whose first
 * plugin is bridge-cni. What it says goes before the options (conflist.h). The ranges are
 * not in it, because they follow from the node's podCIDRs.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_CONFLIST_TEMPLATE_H
#define BRIDGE_CNI_AGENT_NODE_CONFLIST_TEMPLATE_H

#include "conf/network.h"
#include "deploy/agent/base/option_values.h"

/* Keys of the plugin with which ADD and STATUS answer code 50: always, and until
 * ready_file_make() was called. */
#define DRAINING       "draining"
#define WAIT_FOR_AGENT "waitForAgent"

struct json_doc;

struct template_plugin {
	const char *type;
	bool port_mappings, bandwidth; /* capabilities */
	const char *unused; /* of keys that are only checked */
};

struct template_plugins {
	struct template_plugin *items; /* owned; the first one is bridge-cni */
	size_t n;
};

/* Zero-initialise it: then there is no template. */
struct conflist_template {
	struct json_doc *doc; /* owned, with all strings; NULL: there is no template */
	struct template_plugins plugins;
	/* The first plugin: whether the template has the keys, and what they say. */
	bool has_gateway, has_capabilities;
	bool gateway; /* isGateway, or isDefaultGateway */
	bool promiscuous; /* promiscMode */
	bool has_trunk; /* vlanTrunk */
	enum option_choice spoof_check, routed;
	struct prefix_list non_masquerade; /* items owned */
};

/*
 * Reads a template. What is checked here is what the list that is made of it wouldn't
 * show; the rest is checked in that list. The caller clears @ret_template. Codes 6, 7,
 * 100.
 */
int conflist_template_read(const char *text, size_t len,
			   struct conflist_template *ret_template, struct cni_error *err);
void conflist_template_clear(struct conflist_template *template);

/* Whether a plugin behind the first one has the capability, which the first one then
 * doesn't take for itself. @template may be NULL. */
bool template_ports_behind(const struct conflist_template *template);
bool template_bandwidth_behind(const struct conflist_template *template);

#endif
