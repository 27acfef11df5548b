/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host ports as lines of a record (record.h). */
#ifndef BRIDGE_CNI_IPAM_STORE_RECORD_PORTS_H
#define BRIDGE_CNI_IPAM_STORE_RECORD_PORTS_H

#include "conf/port_mappings.h"
#include "conf/base/text.h"

/* Gives the first version of records that can hold these ports. */
unsigned int record_ports_version(const struct port_mapping_list *ports);

/* Adds the lines of a record. */
void record_ports_put(struct text *text, const struct port_mapping_list *ports);

/* Read the rest of a line behind "hostport" or "hostports", which they change, and add
 * the ports to @list. -EBADMSG, -ENOMEM. */
int record_port_parse(char *value, struct port_mapping_list *list);
int record_ports_parse(char *value, struct port_mapping_list *list);

/* Joins ports that follow each other to one run, as in a configuration. Earlier versions
 * wrote each port by itself. -ENOMEM. */
int record_ports_join(struct port_mapping_list *list);

#endif
