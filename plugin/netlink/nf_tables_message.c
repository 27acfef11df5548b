/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements as attributes of a message, and back. */
#include "nf_tables_message.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <string.h>

/* User data are triples of type, length and value. Tools define them, not the kernel
 * (udata.h of libnftnl): in rules and elements type 0 is the comment, with its NUL. */
#define UDATA_COMMENT 0

void nft_comment_read(const struct nlattr *userdata, char ret_comment[NFT_COMMENT_MAX])
{
	const uint8_t *data = userdata ? nla_data(userdata) : NULL;
	size_t left = userdata ? nla_len(userdata) : 0;

	ret_comment[0] = '\0';
	while (left >= 2 && left - 2 >= data[1]) {
		size_t len = data[1];

		if (data[0] == UDATA_COMMENT && len <= NFT_COMMENT_MAX) {
			len = strnlen((const char *)data + 2,
				      len < NFT_COMMENT_MAX ? len : NFT_COMMENT_MAX - 1);
			memcpy(ret_comment, data + 2, len);
			ret_comment[len] = '\0';
			return;
		}
		data += 2 + len;
		left -= 2 + len;
	}
}

static void put_comment(struct builder b, const char *comment)
{
	uint8_t udata[2 + NFT_COMMENT_MAX] = {UDATA_COMMENT, strlen(comment) + 1};

	if (!*comment)
		return;
	memcpy(udata + 2, comment, udata[1]);
	put(b, NFTA_SET_ELEM_USERDATA, udata, 2 + udata[1]);
}

static void put_value(struct builder b, int attr, const struct nft_value *value)
{
	struct nlattr *start;

	if (value->len == 0)
		return;
	start = nest(b, attr);
	put(b, NFTA_DATA_VALUE, value->bytes, value->len);
	nest_end(b, start);
}

static void put_item(struct builder b, const struct nft_element *element)
{
	struct nlattr *item = nest(b, NFTA_LIST_ELEM);

	/* The kernel takes a deletion without a key for that of the whole set. */
	assert(element->key.len > 0);
	put_value(b, NFTA_SET_ELEM_KEY, &element->key);
	put_value(b, NFTA_SET_ELEM_KEY_END, &element->end);
	put_value(b, NFTA_SET_ELEM_DATA, &element->data);
	put_comment(b, element->comment);
	nest_end(b, item);
}

/* The room, in bytes, that a message must have for the element. */
static size_t item_size(const struct nft_element *element)
{
	const struct nft_value *values[] = {&element->key, &element->end, &element->data};
	size_t size = NLA_HDRLEN + nla_total_size(2 + (int)strlen(element->comment) + 1);

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		size += NLA_HDRLEN + nla_total_size((int)values[i]->len);
	return size;
}

static bool has_room(const struct nlmsghdr *msg, const struct nft_element *element)
{
	return msg && msg->nlmsg_len + item_size(element) <= NETLINK_MESSAGE_MAX;
}

void put_elements(struct builder b, const struct nft_element *elements, size_t n,
		  size_t *ret_n)
{
	struct nlattr *list;
	size_t i = 0;

	put_string(b, NFTA_SET_ELEM_LIST_TABLE, elements->set->table);
	put_string(b, NFTA_SET_ELEM_LIST_SET, elements->set->name);
	list = nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
	do
		put_item(b, &elements[i++]);
	while (i < n && elements[i].set == elements->set &&
	       has_room(b.msg, &elements[i]));
	nest_end(b, list);
	*ret_n = i;
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

/* The packets that an element's counter has; 0: it has none. */
static uint64_t packets_read(struct nlattr *expression)
{
	struct nlattr *attrs[NFTA_EXPR_MAX + 1], *counter[NFTA_COUNTER_MAX + 1];

	if (!expression || nla_parse_nested(attrs, NFTA_EXPR_MAX, expression, NULL) < 0 ||
	    !attrs[NFTA_EXPR_NAME] || !attrs[NFTA_EXPR_DATA] ||
	    nla_strcmp(attrs[NFTA_EXPR_NAME], "counter") != 0 ||
	    nla_parse_nested(counter, NFTA_COUNTER_MAX, attrs[NFTA_EXPR_DATA], NULL) <
		    0 ||
	    !counter[NFTA_COUNTER_PACKETS] ||
	    nla_len(counter[NFTA_COUNTER_PACKETS]) != sizeof(uint64_t))
		return 0;
	return be64toh(nla_get_u64(counter[NFTA_COUNTER_PACKETS]));
}

int nft_element_read(struct nlattr *item, struct nft_element *ret_element)
{
	struct nlattr *attrs[NFTA_SET_ELEM_MAX + 1];

	ret_element->key.len = ret_element->end.len = ret_element->data.len = 0;
	if (nla_parse_nested(attrs, NFTA_SET_ELEM_MAX, item, NULL) < 0)
		return -EBADMSG;
	get_value(attrs[NFTA_SET_ELEM_KEY], &ret_element->key);
	get_value(attrs[NFTA_SET_ELEM_KEY_END], &ret_element->end);
	get_value(attrs[NFTA_SET_ELEM_DATA], &ret_element->data);
	nft_comment_read(attrs[NFTA_SET_ELEM_USERDATA], ret_element->comment);
	ret_element->packets = packets_read(attrs[NFTA_SET_ELEM_EXPR]);
	return 0;
}
