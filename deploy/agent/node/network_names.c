/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies and frees the names; setup.c decides which they are. */
#include "network_names.h"

#include <stdlib.h>
#include <string.h>

#include "conf/base/util.h"

int network_names_set(struct network_names *names, const char *name, const char *bridge,
		      const char *data_dir, struct cni_error *err)
{
	_cleanup_(network_names_clear) struct network_names copy = {
		strdup(name), strdup(bridge), strdup(data_dir)};
	struct network_names former = *names;

	if (!copy.name || !copy.bridge || !copy.data_dir)
		return error_oom(err);
	*names = copy;
	copy = former;
	return 0;
}

void network_names_clear(struct network_names *names)
{
	free(names->name);
	free(names->bridge);
	free(names->data_dir);
	*names = (struct network_names){};
}
