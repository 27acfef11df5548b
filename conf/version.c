/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of spoken versions and the look-up in it. */
#include "version.h"

#include <errno.h>
#include <string.h>

const char *const cni_version_names[CNI_VERSIONS] = {
	[CNI_0_1_0] = "0.1.0", [CNI_0_2_0] = "0.2.0", [CNI_0_3_0] = "0.3.0",
	[CNI_0_3_1] = "0.3.1", [CNI_0_4_0] = "0.4.0", [CNI_1_0_0] = "1.0.0",
	[CNI_1_1_0] = "1.1.0",
};

int cni_version_parse(const char *text, enum cni_version *ret_version)
{
	for (int v = 0; v < CNI_VERSIONS; v++) {
		if (strcmp(text, cni_version_names[v]) == 0) {
			*ret_version = v;
			return 0;
		}
	}
	return -EINVAL;
}
