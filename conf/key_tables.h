/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All tables of keys together, for those who look for keys instead of reading values. */
#ifndef BRIDGE_CNI_CONF_KEY_TABLES_H
#define BRIDGE_CNI_CONF_KEY_TABLES_H

#include <stdbool.h>
#include <stddef.h>

struct json_type;

/* The types of a configuration's top-level object, each of which reads a part of it. The
 * first is for networks on Open vSwitch alone.
 * @own_ipam: its IPAM is host-local, whose table is among them. */
const struct json_type *const *key_tables(bool own_ipam, size_t *ret_n);

/* The table of the specification's keys that this program knows, and that no other table
 * reads. */
extern const struct json_type others_root;

#endif
