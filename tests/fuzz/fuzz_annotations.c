/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Annotations of a Node, which its kubelet may write: WireGuard's, and flannel's. The
 * input is lines; the first one is WireGuard's, and the others are flannel's, of which an
 * empty one is none.
 */
#include "fuzz.h"

#include "deploy/agent/api/annotations.h"
#include "deploy/agent/tunnel/flannel_notes.h"
#include "deploy/agent/tunnel/wireguard_note.h"

/* What is taken has one spelling. */
static void promise_wireguard(const char *text)
{
	struct wireguard_note note;
	char buf[WIREGUARD_NOTE_MAX];

	if (wireguard_note_parse(text, &note) == 0)
		PROMISE(strcmp(wireguard_note_format(&note, buf), text) == 0);
}

static void promise_side(const struct flannel_side *side, int family)
{
	if (!side->there)
		return;
	PROMISE(side->at < FLANNEL_NOTES && side->fault < FLANNEL_FAULTS);
	if (side->fault)
		return;
	PROMISE(side->addr.family == ip_families[family]);
	PROMISE(mac_is_unicast(&side->mac));
	PROMISE(side->vni > 0 && side->vni <= 0xffffff);
}

/* What this agent would write for it is read as the same. */
static void promise_again(const struct flannel_side *side)
{
	char data[FLANNEL_DATA_MAX];
	const char *texts[FLANNEL_NOTES] = {
		[FLANNEL_MANAGED] = "true",
		[FLANNEL_TYPE] = "vxlan",
		[FLANNEL_DATA] = data,
		[FLANNEL_PUBLIC] = IP_TEXT(&side->addr),
	};
	struct flannel_notes again;

	flannel_data_write(side->vni, &side->mac, data);
	PROMISE(flannel_notes_read(texts, &again));
	PROMISE(again.sides[0].there && !again.sides[0].fault);
	PROMISE(again.sides[0].vni == side->vni);
	PROMISE(memcmp(&again.sides[0].mac, &side->mac, sizeof(side->mac)) == 0);
	PROMISE(ip_equal(&again.sides[0].addr, &side->addr));
}

static void promise_flannel(const char *const texts[FLANNEL_NOTES])
{
	struct flannel_notes notes;

	if (!flannel_notes_read(texts, &notes))
		return;
	for (int family = 0; family < IP_FAMILIES; family++)
		promise_side(&notes.sides[family], family);
	if (notes.sides[0].there && !notes.sides[0].fault)
		promise_again(&notes.sides[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(free_p) char *text = strndup((const char *)data, size);
	const char *lines[1 + FLANNEL_NOTES] = {};
	char *rest = text;

	PROMISE(text != NULL);
	for (size_t i = 0; rest && i < ARRAY_SIZE(lines); i++) {
		lines[i] = strsep(&rest, "\n");
		if (!lines[i][0] || strlen(lines[i]) > ANNOTATION_MAX)
			lines[i] = NULL;
	}
	if (lines[0])
		promise_wireguard(lines[0]);
	promise_flannel(lines + 1);
	return 0;
}
