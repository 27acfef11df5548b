/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contributes host ports to the transactions of elements.c. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_CONTRIBUTE_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_CONTRIBUTE_H

#include "stages.h"

/* struct stage's elements. Codes 5, 11, 100, 101, 103. */
int portmap_elements(struct attachment *att, enum stage_elements_of which,
		     struct stage_elements *elements, struct cni_error *err);

#endif
