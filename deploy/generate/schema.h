/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON schema of a configuration, for editors. */
#ifndef BRIDGE_CNI_DEPLOY_GENERATE_SCHEMA_H
#define BRIDGE_CNI_DEPLOY_GENERATE_SCHEMA_H

/* Makes the schema (draft 7) out of the tables of keys. The caller frees the text; NULL:
 * memory ran out. */
char *schema_text(void);

#endif
