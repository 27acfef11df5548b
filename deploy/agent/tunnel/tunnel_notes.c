/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of names for the API's reader. */
#include "tunnel_notes.h"

#include "wireguard_note.h"

void tunnel_notes_set(struct tunnel_notes *notes, const char *flannel_prefix)
{
	flannel_names_set(&notes->flannel, flannel_prefix);
	for (int i = 0; i < FLANNEL_NOTES; i++)
		notes->items[TUNNEL_NOTES_FLANNEL + i] = notes->flannel.text[i];
	notes->items[TUNNEL_NOTES_WIREGUARD] = WIREGUARD_ANNOTATION;
	notes->names = (struct annotation_names){notes->items, ARRAY_SIZE(notes->items)};
}
