/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that a template of the configuration list is in. It is read each second, so
 * that it doesn't matter how it changes: in a volume of Kubernetes a link further up its
 * path leads elsewhere then. A wrong template is named once, and the one before stays in
 * use.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_TEMPLATE_FILE_H
#define BRIDGE_CNI_AGENT_NODE_TEMPLATE_FILE_H

#include <stdbool.h>

#include "conflist.h"
#include "deploy/agent/base/log.h"

/* The caller sets the first two fields, which it keeps, and the rest to 0. */
struct template_file {
	const struct options *options;
	const struct log *log;
	struct conflist_template template; /* in use; may be none */
	struct network_names names; /* of a list that is made of it */
	bool settled; /* @template is right; false: only a wrong file was seen so far */
	/* Why the file, or the list made of it on this node, is not used; "": it is. */
	char wrong[ERROR_MSG_MAX];
	uint64_t seen; /* hash of what was judged last */
	uint64_t used; /* hash of the text in use; 0: none */
	bool absence_told; /* in the log */
};
void template_file_clear(struct template_file *file);

/*
 * Looks at the file. True: another template is in use now, or none any more. A template
 * is tried with @spec, whose template is not looked at: the list that is made of it must
 * be right. Without a file (or the option) there is no template, which is right, too.
 */
bool template_file_look(struct template_file *file, const struct conflist_spec *spec);

#endif
