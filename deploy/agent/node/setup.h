/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prepares the node for its runtime: the bundle is put there, then the configuration
 * list, and both are kept there. Errors that last are logged once.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_SETUP_H
#define BRIDGE_CNI_AGENT_NODE_SETUP_H

#include <stdbool.h>

#include "conflist.h"
#include "install.h"
#include "plain_list.h"
#include "plugin_links.h"
#include "deploy/agent/base/log.h"
#include "deploy/agent/tunnel/tunnel_mtu.h"
#include "template_file.h"

/* The caller sets the first three fields and install's directories, and the rest to 0. */
struct setup {
	const struct options *options;
	const struct log *log;
	struct tunnel_mtu *mtu; /* borrowed */
	struct install install;
	struct plugin_links links; /* its first two fields are set by setup_open() */
	struct conflist
		conflist; /* owned; without a text it has its names all the same */
	struct conflist_kept
		kept; /* what options and template may leave open, as it is here */
	struct plain_list left_out; /* of the list made last: the counts alone */
	struct template_file template; /* its first two fields are set by setup_open() */
	bool installed, configured; /* it was right when it was looked at last */
	uint32_t route_mtu; /* of the list made last (conflist_text.h) */
	uint64_t on_disk; /* hash of the text that the file had last; 0: none is known */
	bool made; /* @conflist was made here, not left by an earlier agent */
	/* The agent has tried to put a list that was made here onto the node. */
	bool followed;
	/* This node's podCIDR was refused: nothing is written meanwhile. */
	bool held_back;
	uint64_t install_error, make_error, write_error; /* of log_error_once() */
};

/* Sets the names that the options give, which serve until there is a list. Code 100. */
int setup_open(struct setup *setup, struct cni_error *err);
void setup_clear(struct setup *setup);

/*
 * Takes the list that an earlier agent has written. It serves until the API server has
 * told of this node, and decides for good what the options leave open. Without one the
 * node is new. One that can't be understood is not taken, and decides as a list of former
 * versions.
 */
void setup_load_conflist(struct setup *setup);

/* Has a node that is uninstalled, and has no list, take one that serves DEL, until the
 * node table is known: it has no plugin. */
void setup_stand_in(struct setup *setup);

/* Looks at the template. True: the list is to be made anew. */
bool setup_check_template(struct setup *setup, const struct node_table *nodes);

/* Which podLink is asked for; unset: the node's own stays. */
enum option_choice setup_pod_link(const struct setup *setup);

/* Makes the configuration list that the node table asks for, whose podCIDRs were judged;
 * it is written by setup_check_conflist(). Without a podCIDR of this node, or after an
 * error, the former one stays, as it does while only a wrong template was seen; so does
 * its file where this node's podCIDR was refused. */
void setup_make_conflist(struct setup *setup, const struct node_table *nodes);

/* Sees to it that the bundle is on the node, and the links to its executable. */
void setup_check_bundle(struct setup *setup);

enum setup_conflist {
	SETUP_CONFLIST_NOT_YET, /* it isn't known, its plugin is missing, or an error */
	SETUP_CONFLIST_RIGHT, /* it was there */
	SETUP_CONFLIST_WRITTEN, /* it was missing or another one */
};

/* Sees to it that the configuration list is on the node, if its plugin is. */
enum setup_conflist setup_check_conflist(struct setup *setup);

#endif
