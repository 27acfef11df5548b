/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements: how they look in a message, and how one asks for them. */
#include "nf_tables_element.h"
#include "nf_tables_message.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PART_SIZE     4 /* a concatenation's parts are multiples of it */
#define ASKED_AT_ONCE 64 /* what a socket has room for, if all are answered */

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

void nft_value_add_part(struct nft_value *value, const void *bytes, size_t len)
{
	size_t padded = (len + PART_SIZE - 1) / PART_SIZE * PART_SIZE;

	assert(bytes && value->len + padded <= NFT_VALUE_MAX);
	memcpy(value->bytes + value->len, bytes, len);
	memset(value->bytes + value->len + len, 0, padded - len);
	value->len += padded;
}

void nft_element_list_clear(struct nft_element_list *list)
{
	free(list->items);
	*list = (struct nft_element_list){};
}

int nft_element_list_grow(struct nft_element_list *list, size_t more)
{
	struct nft_element *grown = reallocarray(list->items, list->n + more + 1,
						 sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	memset(grown + list->n, 0, (more + 1) * sizeof(*grown));
	list->items = grown;
	return 0;
}

int nft_element_list_add(struct nft_element_list *list, const struct nft_element *element)
{
	if (nft_element_list_grow(list, 1) < 0)
		return -ENOMEM;
	list->items[list->n++] = *element;
	return 0;
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

static int put_set(struct nl_msg *msg, const struct nft_set *set)
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

	if (put_set(msg, elements->set) < 0)
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

static int get_element(struct nlattr *item, struct nft_element *element)
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

/* A search's answers: to its own questions, each element once. */
struct search {
	const struct nft_element *asked; /* the sets are theirs */
	size_t n;
	nft_element_fn fn;
	void *data;
};

static const struct nft_set *set_of(const struct search *search, struct nlattr *name)
{
	for (size_t i = 0; name && i < search->n; i++)
		if (nla_strcmp(name, search->asked[i].set->name) == 0)
			return search->asked[i].set;
	return NULL;
}

static int elements_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *list[NFTA_SET_ELEM_LIST_MAX + 1], *item;
	const struct search *search = data;
	struct nft_element found = {};
	int left, ret = 0;

	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), list,
			NFTA_SET_ELEM_LIST_MAX, NULL) < 0)
		return -EBADMSG;
	found.set = set_of(search, list[NFTA_SET_ELEM_LIST_SET]);
	if (!found.set || !list[NFTA_SET_ELEM_LIST_ELEMENTS])
		return -EBADMSG;
	nla_for_each_nested(item, list[NFTA_SET_ELEM_LIST_ELEMENTS], left) {
		if (ret == 0)
			ret = get_element(item, &found);
		if (ret == 0)
			ret = search->fn(&found, search->data);
	}
	return ret;
}

/* What is queued, as one request. */
static int search_run(struct netlink *nl, struct search *search, struct cni_error *err)
{
	int ret = netlink_request(nl, elements_read, search, ENOENT, err);

	return ret == NETLINK_EXPECTED ? 0 : ret;
}

int nft_elements_find(struct netlink *nl, const struct nft_element *asked, size_t n,
		      nft_element_fn fn, void *data, struct cni_error *err)
{
	int ret = 0;

	for (size_t from = 0; ret == 0 && from < n; from += ASKED_AT_ONCE) {
		struct search search = {asked + from, n - from, fn, data};

		if (search.n > ASKED_AT_ONCE)
			search.n = ASKED_AT_ONCE;
		for (size_t i = 0; i < search.n; i++)
			nft_element_ask(nl, search.asked[i].set, &search.asked[i].key);
		ret = search_run(nl, &search, err);
	}
	return ret;
}

int nft_set_elements(struct netlink *nl, const struct nft_set *set, nft_element_fn fn,
		     void *data, struct cni_error *err)
{
	struct nft_element any = {.set = set};
	struct search search = {&any, 1, fn, data};
	struct nl_msg *msg = netlink_queue(nl, NFT_MESSAGE(NFT_MSG_GETSETELEM),
					   NLM_F_DUMP, "reading set %s in table %s",
					   set->name, set->table);

	if (msg && put_set(msg, set) < 0)
		netlink_queue_failed(nl);
	return search_run(nl, &search, err);
}

static int element_read(const struct nlmsghdr *answer, void *data)
{
	struct nlattr *list[NFTA_SET_ELEM_LIST_MAX + 1];

	if (!answer)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), list,
			NFTA_SET_ELEM_LIST_MAX, NULL) < 0 ||
	    !list[NFTA_SET_ELEM_LIST_ELEMENTS] ||
	    nla_len(list[NFTA_SET_ELEM_LIST_ELEMENTS]) < NLA_HDRLEN)
		return -EBADMSG;
	return get_element(nla_data(list[NFTA_SET_ELEM_LIST_ELEMENTS]), data);
}

void nft_element_ask(struct netlink *nl, const struct nft_set *set,
		     const struct nft_value *key)
{
	struct nft_element element = {.set = set, .key = *key};
	struct nl_msg *msg = netlink_queue(nl, NFT_MESSAGE(NFT_MSG_GETSETELEM), 0,
					   "looking an element of set %s in table %s up",
					   set->name, set->table);
	size_t one;

	if (msg && nft_elements_put(msg, &element, 1, &one) < 0)
		netlink_queue_failed(nl);
}

int nft_element_get(struct netlink *nl, const struct nft_set *set,
		    const struct nft_value *key, struct nft_element *ret_element,
		    struct cni_error *err)
{
	struct nft_element element = {.set = set, .key = *key};
	int ret;

	nft_element_ask(nl, set, key);
	ret = netlink_request(nl, element_read, &element, ENOENT, err);
	if (ret != 0)
		return ret == NETLINK_EXPECTED ? NFT_NO_ELEMENT : ret;
	if (element.key.len == 0)
		return error_set(err, CNI_ERR_KERNEL, EBADMSG,
				 "an element of set %s in table %s can't be read",
				 set->name, set->table);
	*ret_element = element;
	return 0;
}
