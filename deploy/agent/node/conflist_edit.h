/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells in the log what a configuration file says otherwise than the list that replaces
 * it, key by key, and where each key is to be set instead.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_CONFLIST_EDIT_H
#define BRIDGE_CNI_AGENT_NODE_CONFLIST_EDIT_H

#include "deploy/agent/base/log.h"

enum conflist_edit {
	CONFLIST_EDIT, /* somebody has edited the file since it was written */
	/* An agent that ran before has left the file so, or somebody has edited it since:
	 * what follows from the cluster's nodes is no difference. */
	CONFLIST_EDIT_FORMER,
};

/* @present: the text of the file @name; @list: the text that replaces it; @template: the
 * file with the template that it was made of, or NULL. */
void conflist_edit_tell(const struct log *log, enum conflist_edit kind, const char *name,
			const char *present, const char *list, const char *template);

#endif
