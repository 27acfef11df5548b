/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comments of rules, and what an earlier version left. */
#include "rules_owner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/netlink/rtnetlink.h"
#include "plugin/node/node.h"
#include "rules.h"

#define OWNER_DIGITS 16

void rules_comment_format(uint64_t owner, const char *network, const char *stage,
			  const char *kind, uint64_t print,
			  char ret_comment[NFT_COMMENT_MAX])
{
	snprintf(ret_comment, NFT_COMMENT_MAX,
		 "v%d %s/%s %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %s",
		 RULES_VERSION, stage, kind, owner, print, hash_text(network), network);
}

/* The word before the character @end, which is passed over. */
static bool take_word(const char **at, const char *end, char ret_word[RULES_WORD_MAX])
{
	size_t len = strcspn(*at, end);

	if (len == 0 || len >= RULES_WORD_MAX || !(*at)[len])
		return false;
	memcpy(ret_word, *at, len);
	ret_word[len] = '\0';
	*at += len + 1;
	return true;
}

static bool take_number(const char **at, int base, uint64_t *ret_number)
{
	const char *from = *at;
	char *end;

	*ret_number = strtoull(from, &end, base);
	*at = end;
	return end != from;
}

bool rules_comment_read(const char *comment, struct rules_comment *ret_comment)
{
	struct rules_comment read = {};

	if (*comment++ != 'v' || !take_number(&comment, 10, &read.version) ||
	    *comment++ != ' ' || !take_word(&comment, "/", read.stage) ||
	    !take_word(&comment, " ", read.kind) ||
	    !take_number(&comment, 16, &read.owner) ||
	    !take_number(&comment, 16, &read.print))
		return false;
	if (read.version == RULES_VERSION_BY_NAME)
		read.network = read.owner;
	else if (!take_number(&comment, 16, &read.network))
		return false;
	*ret_comment = read;
	return true;
}

bool rules_owner_made(uint64_t owner, const struct link *link,
		      const struct alias_names *names)
{
	bool veth = strcmp(link->kind, "veth") == 0;
	struct mac_addr mac =
		veth ? identity_host_mac(owner, names->container_id, names->ifname)
		     : identity_ifb_mac(owner, names->container_id, names->ifname);

	return memcmp(mac.bytes, link->mac.bytes, MAC_LEN) == 0;
}

bool rules_set_owner(const char *name, uint64_t *ret_owner)
{
	const char *digits = strrchr(name, '_');

	if (!digits || strlen(++digits) != OWNER_DIGITS ||
	    strspn(digits, "0123456789abcdef") != OWNER_DIGITS)
		return false;
	*ret_owner = strtoull(digits, NULL, 16);
	return true;
}

/* Did the earlier version, which knew networks by name, make this interface for this one? The
 * names that its alias has go to @ret_names. */
static bool is_made_by_name(const struct attachment *att, const struct link *link,
			    struct alias_names *ret_names)
{
	return strcmp(link->kind, "veth") == 0 &&
	       identity_alias_read(link->alias, ret_names) &&
	       strcmp(ret_names->network, att->network->name) == 0 &&
	       rules_owner_made(identity_owner_by_name(att->network->name), link,
				ret_names);
}

static bool is_recorded(const struct attachment *att,
			const struct ipam_record_list *records,
			const struct alias_names *names)
{
	for (size_t i = 0; i < records->n; i++)
		if (record_is_of(&records->items[i], att->network->name,
				 names->container_id, names->ifname))
			return true;
	return false;
}

int rules_by_name_in_use(struct attachment *att, bool *ret_in_use, struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list records = {};
	_cleanup_(link_list_clear) struct link_list links = {};
	struct alias_names names;
	bool in_use = false;
	int ret = ipam_connected(&att->ipam_env, &records, err);

	if (ret == 0)
		ret = link_list_get(att->op->node.rtnl, &links, err);
	for (size_t i = 0; ret == 0 && i < links.n; i++)
		in_use |= is_made_by_name(att, &links.items[i], &names) &&
			  !is_recorded(att, &records, &names);
	*ret_in_use = in_use;
	return ret;
}

struct sets {
	const char *family;
	char suffix[20]; /* "_OWNER" */
	struct text text;
};

static int set_note(const char *name, void *data)
{
	struct sets *sets = data;
	const char *end = name ? strrchr(name, '_') : NULL;

	if (!name)
		text_cut(&sets->text, 0);
	else if (end && strcmp(end, sets->suffix) == 0)
		text_add(&sets->text, "delete set %s " RULES_TABLE " %s\n", sets->family,
			 name);
	return 0;
}

int rules_sets_delete(struct attachment *att, int protocol, const char *family,
		      uint64_t owner, struct text *text, struct cni_error *err)
{
	struct sets sets = {.family = family};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	snprintf(sets.suffix, sizeof(sets.suffix), "_%016" PRIx64, owner);
	if (ret == 0)
		ret = nft_table_sets(nl, protocol, RULES_TABLE, set_note, &sets, err);
	if (ret == 0 && sets.text.len > 0)
		text_add(text, "%s", sets.text.text);
	text->failed |= sets.text.failed;
	free(sets.text.text);
	return ret;
}
