/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host ports as lines of a record (record.h). */
#ifndef BRIDGE_CNI_IPAM_STORE_RECORD_PORTS_H
#define BRIDGE_CNI_IPAM_STORE_RECORD_PORTS_H

#include "conf/port_mappings.h"
#include "conf/base/text.h"

/* The first version of records that can hold them. */
unsigned int record_ports_version(const struct port_mapping_list *ports);

void record_ports_put(struct text *text, const struct port_mapping_list *ports);

/* Read what stands behind "hostport" and "hostports", and add it to @list. -EBADMSG,
 * -ENOMEM. */
int record_port_parse(char *value, struct port_mapping_list *list);
int record_ports_parse(char *value, struct port_mapping_list *list);

/* Ports that follow each other become one run, as they are in a configuration: earlier
 * versions wrote each by itself. -ENOMEM. */
int record_ports_join(struct port_mapping_list *list);

#endif
