/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration under test: what was read of it, and what became of the reading. */
#ifndef BRIDGE_CNI_TESTS_UNIT_SUBJECT_H
#define BRIDGE_CNI_TESTS_UNIT_SUBJECT_H

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

#define _subject_ _cleanup_(subject_clear) struct subject

#endif
