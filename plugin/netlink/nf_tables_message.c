/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How sets, elements and comments look in a message. */
#include "nf_tables_message.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

/*
 * User data are type-length-value triples of the tools' own making, not the kernel's
 * (libnftnl's udata.h): in rules and elements type 0 is the comment, with its NUL.
 */
#define UDATA_COMMENT 0

void nft_comment_read(const struct nlattr *userdata, char ret_comment[NFT_COMMENT_MAX])
{
	const uint8_t *data = userdata ? nla_data(userdata) : NULL;
	size_t left = userdata ? nla_len(userdata) : 0;

	ret_comment[0] = '\0';
	while (left >= 2 && left - 2 >= data[1]) {
		size_t len = data[1];

		if (data[0] == UDATA_COMMENT && len <= NFT_COMMENT_MAX) {
			snprintf(ret_comment, NFT_COMMENT_MAX, "%.*s", (int)len,
				 (const char *)data + 2);
			return;
		}
		data += 2 + len;
		left -= 2 + len;
	}
}

static int put_comment(struct nl_msg *msg, const char *comment)
{
	uint8_t udata[2 + NFT_COMMENT_MAX] = {UDATA_COMMENT, strlen(comment) + 1};

	if (!*comment)
		return 0;
	memcpy(udata + 2, comment, udata[1]);
	return nla_put(msg, NFTA_SET_ELEM_USERDATA, 2 + udata[1], udata);
}

static int put_value(struct nl_msg *msg, int attr, const struct nft_value *value)
{
	struct nlattr *nest;

	if (value->len == 0)
		return 0;
	nest = nla_nest_start(msg, attr);
	if (!nest || nla_put(msg, NFTA_DATA_VALUE, value->len, value->bytes) < 0)
		return -ENOMEM;
	nla_nest_end(msg, nest);
	return 0;
}

int nft_set_put(struct nl_msg *msg, const struct nft_set *set)
{
	struct nfgenmsg header = {.nfgen_family = set->family, .version = NFNETLINK_V0};

	if (nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, NFTA_SET_ELEM_LIST_TABLE, set->table) < 0 ||
	    nla_put_string(msg, NFTA_SET_ELEM_LIST_SET, set->name) < 0)
		return -ENOMEM;
	return 0;
}

static int put_item(struct nl_msg *msg, const struct nft_element *element)
{
	struct nlattr *item = nla_nest_start(msg, NFTA_LIST_ELEM);

	/* Without one the kernel takes a deletion for that of the whole set. */
	assert(element->key.len > 0);
	if (!item || put_value(msg, NFTA_SET_ELEM_KEY, &element->key) < 0 ||
	    put_value(msg, NFTA_SET_ELEM_KEY_END, &element->end) < 0 ||
	    put_value(msg, NFTA_SET_ELEM_DATA, &element->data) < 0 ||
	    put_comment(msg, element->comment) < 0)
		return -ENOMEM;
	nla_nest_end(msg, item);
	return 0;
}

/* So many bytes a message must have room for that an element is put into. */
static size_t item_size(const struct nft_element *element)
{
	const struct nft_value *values[] = {&element->key, &element->end, &element->data};
	size_t size = NLA_HDRLEN + nla_total_size(2 + (int)strlen(element->comment) + 1);

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		size += NLA_HDRLEN + nla_total_size((int)values[i]->len);
	return size;
}

int nft_elements_put(struct nl_msg *msg, const struct nft_element *elements, size_t n,
		     size_t *ret_n)
{
	struct nlattr *list;
	size_t i = 0;

	if (nft_set_put(msg, elements->set) < 0)
		return -ENOMEM;
	list = nla_nest_start(msg, NFTA_SET_ELEM_LIST_ELEMENTS);
	if (!list)
		return -ENOMEM;
	do {
		if (put_item(msg, &elements[i]) < 0)
			return -ENOMEM;
		i++;
	} while (i < n && elements[i].set == elements->set &&
		 nlmsg_hdr(msg)->nlmsg_len + item_size(&elements[i]) <=
			 nlmsg_get_max_size(msg));
	nla_nest_end(msg, list);
	*ret_n = i;
	return 0;
}

static void get_value(struct nlattr *attr, struct nft_value *ret_value)
{
	struct nlattr *attrs[NFTA_DATA_MAX + 1];
	size_t len;

	if (!attr || nla_parse_nested(attrs, NFTA_DATA_MAX, attr, NULL) < 0 ||
	    !attrs[NFTA_DATA_VALUE])
		return;
	len = nla_len(attrs[NFTA_DATA_VALUE]);
	if (len <= NFT_VALUE_MAX) {
		memcpy(ret_value->bytes, nla_data(attrs[NFTA_DATA_VALUE]), len);
		ret_value->len = len;
	}
}

int nft_element_read(struct nlattr *item, struct nft_element *element)
{
	struct nlattr *attrs[NFTA_SET_ELEM_MAX + 1];

	element->key.len = element->end.len = element->data.len = 0;
	if (nla_parse_nested(attrs, NFTA_SET_ELEM_MAX, item, NULL) < 0)
		return -EBADMSG;
	get_value(attrs[NFTA_SET_ELEM_KEY], &element->key);
	get_value(attrs[NFTA_SET_ELEM_KEY_END], &element->end);
	get_value(attrs[NFTA_SET_ELEM_DATA], &element->data);
	nft_comment_read(attrs[NFTA_SET_ELEM_USERDATA], element->comment);
	return 0;
}
