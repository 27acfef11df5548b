/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of spoken versions, and the key cniVersion. */
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/json/json_table.h"

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

struct version_key {
	const char *version;
};

static const struct json_field version_fields[] = {
	FIELD(struct version_key, version, "cniVersion", &text_type),
};
static const struct json_type version_root = OBJECT(version_fields);

int cni_version_read(const struct json_doc *doc, enum cni_version *ret_version,
		     struct cni_error *err)
{
	struct version_key key = {};
	char supported[64] = "";
	size_t used = 0;
	int ret;

	ret = json_read(doc, &version_root, &key, err);
	if (ret < 0)
		return ret;
	if (!key.version || !*key.version) {
		*ret_version = CNI_0_1_0;
		return 0;
	}
	if (cni_version_parse(key.version, ret_version) == 0)
		return 0;
	ret = error_set(err, CNI_ERR_VERSION, EINVAL,
			"cniVersion: \"%s\" is not supported", key.version);
	for (int v = 0; v < CNI_VERSIONS; v++)
		used += snprintf(supported + used, sizeof(supported) - used, "%s%s",
				 v ? ", " : "", cni_version_names[v]);
	error_details(err, "supported versions: %s", supported);
	return ret;
}
