/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signs_found.h"

#include <stdlib.h>

void signs_found_free(struct signs_found **signs)
{
	if (!*signs)
		return;
	mac_list_clear(&(*signs)->macs);
	free((*signs)->processes.items);
	free((*signs)->shares.items);
	free(*signs);
	*signs = NULL;
}
