/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `bridge-cni doctor`: says whether pods will work on this node, and why they don't. Each
 * finding is one line. It changes nothing but the counter by which it asks Open vSwitch
 * (ovs_daemon_ask()), takes no lock, starts no program but the one by which the bundle
 * writes rules, and has the kernel load no module unless it may. Text from outside is
 * printed so that no terminal listens to it.
 */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_DOCTOR_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_DOCTOR_H

#include "known.h"
#include "plugin/attachment/attachment.h"

void doctor_clear(struct doctor *doctor);

/* Begins. @plugin_path is borrowed. */
void doctor_begin(struct doctor *doctor, const char *plugin_path);

/* Notes a file of configurations, with its text. @types: of plugins that are ours, as
 * net_list_read() takes them; @ours: so many of them are in it. */
void doctor_file(struct doctor *doctor, const char *const *types, const char *path,
		 const char *text, size_t len, bool in_directory, size_t ours);

/* Looks at a network; @net's operation isn't open, and only looks. Code 100, 101. */
int doctor_network(struct doctor *doctor, struct attachment *net, const char *file,
		   struct cni_error *err);

/* A file, or a network, that can't be read: @what is wrong with it. */
void doctor_unread(struct doctor *doctor, const char *path, const char *what);

/* A network that has @pods connected pods, and no configuration. */
void doctor_unconfigured(struct doctor *doctor, const char *network, size_t pods);

/* Looks at the node, and prints all findings, or all of them as JSON. Returns the exit
 * status: 0; 1 where there are warnings; 2 where there are problems. */
int doctor_end(struct doctor *doctor, bool as_json);

#endif
