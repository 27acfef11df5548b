/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of an attachment, for who looks at a store without its lock (view.h). */
#ifndef BRIDGE_CNI_IPAM_VIEW_STATE_H
#define BRIDGE_CNI_IPAM_VIEW_STATE_H

#include "ipam.h"

struct store;

enum ipam_view_state {
	IPAM_VIEW_CONNECTED, /* its interface on the node is there */
	IPAM_VIEW_COMING, /* its ADD waits for another IPAM plugin */
	IPAM_VIEW_GOING, /* its DEL has begun */
	IPAM_VIEW_DETACHED, /* no interface; whether it is alive is not known */
	IPAM_VIEW_DEAD, /* it is not alive, and will be given back */
};

/* What is known of the attachment's reservations. */
struct view_reservations {
	bool seen; /* false: they can't be read */
	bool covers; /* the record names all that are the attachment's */
	bool holds; /* there is one of these */
};

/* Judges the attachment by its record, by its reservations and by the kernel. */
enum ipam_view_state view_state(const struct store *store, const struct ipam_env *env,
				const struct record *record,
				const struct view_reservations *reservations);

/* Has its DEL, or who else, removed the record since it was read? */
bool view_record_is_gone(const struct store *store, const struct record *record);

#endif
