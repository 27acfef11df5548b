/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nf_tables_set_answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "nfnetlink.h"

struct question {
	int family;
	char *table, *set; /* owned, but in a key for tfind() */
	struct nft_value key;
	struct nft_set_answer answer;
};

static int compare(const void *a, const void *b)
{
	const struct question *first = a, *second = b;
	int cmp = strcmp(first->set, second->set);

	if (cmp == 0)
		cmp = strcmp(first->table, second->table);
	if (cmp == 0)
		cmp = first->family - second->family;
	if (cmp == 0)
		cmp = (int)first->key.len - (int)second->key.len;
	return cmp ? cmp : memcmp(first->key.bytes, second->key.bytes, first->key.len);
}

static void question_free(void *data)
{
	struct question *question = data;

	free(question->table);
	free(question->set);
	free(question->answer.chain);
	free(question);
}

void nft_set_answers_clear(struct nft_set_answers *answers)
{
	tdestroy(answers->items, question_free);
	answers->items = NULL;
}

/* Takes the element that was found, with its verdict where it has one. */
static int element_read(const struct nlmsghdr *message, void *data)
{
	struct nft_set_answer *answer = data;
	struct nlattr *list[NFTA_SET_ELEM_LIST_MAX + 1], *attrs[NFTA_SET_ELEM_MAX + 1],
		*value[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];

	if (!message)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct nfgenmsg), list,
			NFTA_SET_ELEM_LIST_MAX, NULL) < 0 ||
	    !list[NFTA_SET_ELEM_LIST_ELEMENTS] ||
	    nla_len(list[NFTA_SET_ELEM_LIST_ELEMENTS]) < NLA_HDRLEN ||
	    nla_parse_nested(attrs, NFTA_SET_ELEM_MAX,
			     nla_data(list[NFTA_SET_ELEM_LIST_ELEMENTS]), NULL) < 0)
		return -EBADMSG;
	answer->has = 1;
	if (!attrs[NFTA_SET_ELEM_DATA] ||
	    nla_parse_nested(value, NFTA_DATA_MAX, attrs[NFTA_SET_ELEM_DATA], NULL) < 0 ||
	    !value[NFTA_DATA_VERDICT] ||
	    nla_parse_nested(verdict, NFTA_VERDICT_MAX, value[NFTA_DATA_VERDICT], NULL) <
		    0)
		return 0;
	answer->has_verdict = true;
	answer->code = (int32_t)ntohl(get_u32(verdict[NFTA_VERDICT_CODE]));
	if (verdict[NFTA_VERDICT_CHAIN])
		answer->chain = nla_strdup(verdict[NFTA_VERDICT_CHAIN]);
	return 0;
}

static void element_ask(struct netlink *nl, struct question *question)
{
	struct nlattr *list, *item, *key;
	struct builder b = begin_nfnl(
		nl,
		netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETSETELEM), 0,
			      "looking an element of set %s up", question->set),
		question->family);
	int ret;

	put_string(b, NFTA_SET_ELEM_LIST_TABLE, question->table);
	put_string(b, NFTA_SET_ELEM_LIST_SET, question->set);
	list = nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
	item = nest(b, NFTA_LIST_ELEM);
	key = nest(b, NFTA_SET_ELEM_KEY);
	put(b, NFTA_DATA_VALUE, question->key.bytes, question->key.len);
	nest_end(b, key);
	nest_end(b, item);
	nest_end(b, list);
	ret = netlink_request(nl, element_read, &question->answer, ENOENT, NULL);
	if (ret < 0)
		question->answer.has = ret;
}

static int set_read(const struct nlmsghdr *message, void *data)
{
	struct nlattr *attrs[NFTA_SET_MAX + 1];
	struct nft_set_answer *answer = data;

	if (message && nlmsg_parse((struct nlmsghdr *)message, sizeof(struct nfgenmsg),
				   attrs, NFTA_SET_MAX, NULL) == 0)
		answer->key_len = ntohl(get_u32(attrs[NFTA_SET_KEY_LEN]));
	return 0;
}

static void key_len_ask(struct netlink *nl, struct question *question)
{
	struct builder b =
		begin_nfnl(nl,
			   netlink_queue(nl, NFNL_TYPE(NFTABLES, NFT_MSG_GETSET), 0,
					 "looking set %s up", question->set),
			   question->family);

	put_string(b, NFTA_SET_TABLE, question->table);
	put_string(b, NFTA_SET_NAME, question->set);
	(void)netlink_request(nl, set_read, &question->answer, ENOENT, NULL);
}

const struct nft_set_answer *nft_set_ask(const struct rule_place *place, const char *set,
					 const struct nft_value *key)
{
	struct question asked = {.family = place->family,
				 .table = (char *)place->table,
				 .set = (char *)set,
				 .key = *key},
			*kept;
	void *found = tfind(&asked, &place->answers->items, compare);

	if (found)
		return &(*(struct question **)found)->answer;
	kept = calloc(1, sizeof(*kept));
	if (!kept)
		return NULL;
	*kept = asked;
	kept->table = strdup(place->table);
	kept->set = strdup(set);
	if (!kept->table || !kept->set ||
	    !tsearch(kept, &place->answers->items, compare)) {
		question_free(kept);
		return NULL;
	}
	if (key->len)
		element_ask(place->nl, kept);
	else
		key_len_ask(place->nl, kept);
	return &kept->answer;
}
