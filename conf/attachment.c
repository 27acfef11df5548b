/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads an attachment from what a runtime gives, and frees it. */
#include "attachment.h"

#include <errno.h>

#include "json.h"

int attachment_read(const char *text, size_t len, const struct cni_env *env,
		    struct attachment *ret_att, enum cni_version *ret_version,
		    struct cni_error *err)
{
	struct attachment att = {.env = *env};
	enum net_conf_scope scope = env->verb == CNI_DEL || env->verb == CNI_GC
					    ? NET_CONF_IDENTITY
					    : NET_CONF_WHOLE;
	int ret;

	ret = json_parse(text, len, &att.doc, err);
	if (ret == 0)
		ret = net_conf_read_version(att.doc, ret_version, err);
	if (ret == 0)
		ret = net_conf_read(att.doc, scope, &att.conf, err);
	if (ret < 0) {
		attachment_clear(&att);
		return ret;
	}
	*ret_att = att;
	return 0;
}

void attachment_clear(struct attachment *att)
{
	cni_result_clear(&att->ipam);
	free(att->resolv_text);
	net_conf_clear(&att->conf);
	json_doc_free(att->doc);
	*att = (struct attachment){};
}
