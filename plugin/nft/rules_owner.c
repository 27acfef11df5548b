/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and writes comments of rules and names of sets. */
#include "rules_owner.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/hex.h"
#include "plugin/netlink/link.h"

#define OWNER_DIGITS 16
#define WRITTEN_MAX  18 /* "+", the digits of a hash, and the NUL */

void rules_comment_format(uint64_t owner, const char *network, const char *stage,
			  const char *kind, uint64_t print, uint64_t written,
			  char ret_comment[NFT_COMMENT_MAX])
{
	char more[WRITTEN_MAX] = "";

	if (written)
		snprintf(more, sizeof(more), "+%016" PRIx64, written);
	snprintf(ret_comment, NFT_COMMENT_MAX,
		 "v%d %s/%s %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "%s %s",
		 RULES_VERSION, stage, kind, owner, print, hash_text(network), more,
		 network);
}

/* Takes the word before the character @end, and passes over that. */
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

/* Takes a number, and a space before it. strtoull() is slower, and an ADD reads four such
 * numbers of each rule in the table. */
static bool take_number(const char **at, int base, uint64_t *ret_number)
{
	const char *c = **at == ' ' ? *at + 1 : *at, *first = c;
	uint64_t number = 0;
	int digit;

	for (; (digit = hex_digit(*c)) >= 0 && digit < base; c++)
		number = number * base + digit;
	*ret_number = number;
	*at = c;
	return c > first && c - first <= OWNER_DIGITS;
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
	if (*comment == '+') {
		comment++;
		if (!take_number(&comment, 16, &read.written))
			return false;
	}
	*ret_comment = read;
	return true;
}

bool rules_owner_made(uint64_t owner, const struct link *link,
		      const struct alias_names *names)
{
	bool veth = link_is(link, "veth");
	struct mac_addr mac =
		veth ? identity_host_mac(owner, names->container_id, names->ifname)
		     : identity_ifb_mac(owner, names->container_id, names->ifname);

	return memcmp(mac.bytes, link->mac.bytes, MAC_LEN) == 0;
}

void rules_owner_name(const char *prefix, uint64_t owner, char *ret_name, size_t size)
{
	size_t len = strlen(prefix);

	assert(len + 1 + OWNER_DIGITS < size);
	memcpy(ret_name, prefix, len);
	ret_name[len++] = '_';
	hex_put(owner, ret_name + len, OWNER_DIGITS);
	ret_name[len + OWNER_DIGITS] = '\0';
}

bool rules_name_owner(const char *name, uint64_t *ret_owner)
{
	const char *digits = strrchr(name, '_');

	if (!digits || strlen(++digits) != OWNER_DIGITS ||
	    strspn(digits, "0123456789abcdef") != OWNER_DIGITS)
		return false;
	*ret_owner = strtoull(digits, NULL, 16);
	return true;
}
