/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration under test: what was read of it, and what became of the reading. */
#ifndef BRIDGE_CNI_TESTS_UNIT_SUBJECT_H
#define BRIDGE_CNI_TESTS_UNIT_SUBJECT_H

#include <stdio.h>

#include "conf/json/json_doc.h"
#include "conf/config.h"

struct subject {
	struct json_doc *doc;
	struct network conf;
	struct pod pod;
	struct cni_error err;
};

static inline void subject_clear(struct subject *subject)
{
	network_clear(&subject->conf);
	pod_clear(&subject->pod);
	json_doc_free(subject->doc);
}

/* A network with these keys, and no IPAM. */
static inline int read_keys(const char *keys, enum config_scope scope, struct subject *s)
{
	char text[4096];
	int len = snprintf(text, sizeof(text),
			   "{\"cniVersion\":\"1.0.0\",\"name\":\"n\"%s%s}",
			   *keys ? "," : "", keys);

	assert_in_range(len, 1, sizeof(text) - 1);
	*s = (struct subject){};
	if (json_parse(text, len, &s->doc, &s->err) < 0)
		fail_msg("%s: %s", text, s->err.msg);
	return config_read(s->doc, scope, &s->conf, &s->pod, &s->err);
}

#define _subject_ _cleanup_(subject_clear) struct subject

#endif
