/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flannel writes the JSON of an annotation with Go, whose rules conf/json has, too. */
#include "flannel_notes.h"

#include <stdio.h>
#include <string.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_table.h"

#define VNI_MAX 0xffffff

const char *const flannel_fault_texts[FLANNEL_FAULTS] = {
	[FLANNEL_FINE] = "nothing",
	[FLANNEL_MISSING] = "it is missing",
	[FLANNEL_NOT_VXLAN] = "it isn't \"vxlan\"",
	[FLANNEL_NO_DATA] =
		"it isn't {\"VNI\":NUMBER,\"VtepMAC\":\"MAC ADDRESS OF A STATION\"}",
	[FLANNEL_NO_ADDRESS] = "it isn't an address of its family",
	[FLANNEL_OTHER_VNI] = "its VNI isn't that of --vxlan-id",
	[FLANNEL_UNUSABLE_ADDRESS] = "no host has that address",
	[FLANNEL_OWN_ADDRESS] = "it is an address of this node",
	[FLANNEL_ADDRESS_OF_PODS] = "it is in a podCIDR",
	[FLANNEL_ADDRESS_OF_NODE] = "it is another Node's InternalIP",
	[FLANNEL_SHARED_ADDRESS] = "another Node has the same address there",
	[FLANNEL_MAC_OF_NODE] = "its VtepMAC is that of another node's device",
	[FLANNEL_SHARED_MAC] = "another Node has the same VtepMAC there",
};

static const char *const names_without_prefix[FLANNEL_NOTES] = {
	[FLANNEL_MANAGED] = "kube-subnet-manager",
	[FLANNEL_TYPE] = "backend-type",
	[FLANNEL_DATA] = "backend-data",
	[FLANNEL_DATA_6] = "backend-v6-data",
	[FLANNEL_PUBLIC] = "public-ip",
	[FLANNEL_PUBLIC_6] = "public-ipv6",
	[FLANNEL_OVERWRITE] = "public-ip-overwrite",
	[FLANNEL_OVERWRITE_6] = "public-ipv6-overwrite",
};

void flannel_names_set(struct flannel_names *names, const char *prefix)
{
	for (int i = 0; i < FLANNEL_NOTES; i++)
		snprintf(names->text[i], sizeof(names->text[i]), "%s%s", prefix,
			 names_without_prefix[i]);
}

/* -- reading */

struct data {
	uint32_t vni;
	const char *mac;
};

static const struct json_type vni_type = {
	.kind = JSON_U32,
	.min = 1,
	.max = VNI_MAX,
};
static const struct json_field data_fields[] = {
	FIELD_REQUIRED(struct data, vni, "VNI", &vni_type),
	FIELD_REQUIRED(struct data, mac, "VtepMAC", &text_type),
};
static const struct json_type data_type = OBJECT(data_fields);

static bool data_read(const char *text, struct flannel_side *side)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct data data = {};

	if (json_parse(text, strlen(text), &doc, NULL) < 0 ||
	    json_read(doc, &data_type, &data, NULL) < 0)
		return false;
	side->vni = data.vni;
	return mac_parse(data.mac, &side->mac) == 0 && mac_is_unicast(&side->mac);
}

static void fail(struct flannel_side *side, enum flannel_fault fault,
		 enum flannel_note note, int family)
{
	*side = (struct flannel_side){
		.there = true,
		.fault = fault,
		.at = note + (note == FLANNEL_TYPE ? 0 : family),
	};
}

/* flannel writes "null" where it hasn't that family. */
static bool is_set(const char *text)
{
	return text && text[0] && strcmp(text, "null") != 0;
}

static void side_read(const char *const texts[FLANNEL_NOTES], int family,
		      struct flannel_side *side)
{
	const char *data = texts[FLANNEL_DATA + family];
	enum flannel_note at = is_set(texts[FLANNEL_OVERWRITE + family])
				       ? FLANNEL_OVERWRITE
				       : FLANNEL_PUBLIC;
	const char *address = texts[at + family];
	const char *type = texts[FLANNEL_TYPE];

	/* An administrator may have set the third one on a node without that family. */
	if (!is_set(data) && !is_set(texts[FLANNEL_PUBLIC + family]))
		return;
	side->there = true;
	side->at = at + family;
	if (!type || strcmp(type, "vxlan") != 0)
		fail(side, type ? FLANNEL_NOT_VXLAN : FLANNEL_MISSING, FLANNEL_TYPE,
		     family);
	else if (!is_set(data))
		fail(side, FLANNEL_MISSING, FLANNEL_DATA, family);
	else if (!is_set(address))
		fail(side, FLANNEL_MISSING, FLANNEL_PUBLIC, family);
	else if (!data_read(data, side))
		fail(side, FLANNEL_NO_DATA, FLANNEL_DATA, family);
	else if (ip_parse(address, &side->addr) < 0 ||
		 side->addr.family != ip_families[family])
		fail(side, FLANNEL_NO_ADDRESS, at, family);
}

bool flannel_notes_read(const char *const texts[FLANNEL_NOTES],
			struct flannel_notes *ret_notes)
{
	if (!texts[FLANNEL_MANAGED] || strcmp(texts[FLANNEL_MANAGED], "true") != 0)
		return false;
	*ret_notes = (struct flannel_notes){};
	for (int family = 0; family < IP_FAMILIES; family++)
		side_read(texts, family, &ret_notes->sides[family]);
	return true;
}

/* -- writing */

void flannel_data_write(uint32_t vni, const struct mac_addr *mac,
			char ret_text[FLANNEL_DATA_MAX])
{
	snprintf(ret_text, FLANNEL_DATA_MAX, "{\"VNI\":%u,\"VtepMAC\":\"%s\"}", vni,
		 MAC_TEXT(mac));
}
