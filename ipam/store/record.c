/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a record as text, and says whose it is. record_parse.c reads the text,
 * record_file.c has the file. */
#include "record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/identity.h"
#include "conf/base/text.h"
#include "conf/base/util.h"
#include "record_ports.h"

#define RECORD_VERSION_SWITCH 3 /* the first that tells of other switches */

uint64_t holder_hash(const char *container_id, const char *ifname)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "%s\r\n%s", container_id, ifname);

	/* Longer names are in no store (CNI_NAME_MAX). */
	return hash_bytes(text, len < (int)sizeof(text) ? (size_t)len : sizeof(text));
}

const char *record_name(uint64_t holder, char buf[RECORD_NAME_MAX])
{
	snprintf(buf, RECORD_NAME_MAX, RECORD_PREFIX "%016" PRIx64, holder);
	return buf;
}

bool record_is_of(const struct record *record, const char *network,
		  const char *container_id, const char *ifname)
{
	return strcmp(record->network, network) == 0 &&
	       strcmp(record->container_id, container_id) == 0 &&
	       strcmp(record->ifname, ifname) == 0;
}

bool record_is_on(const struct record *record, const char *bridge)
{
	return !bridge[0] || !record->bridge[0] || strcmp(record->bridge, bridge) == 0;
}

bool record_names(const struct record *record, const struct ip_addr *ip,
		  const struct file_mark *mark)
{
	for (size_t i = 0; i < record->n; i++) {
		const struct record_address *address = &record->addresses[i];

		if (address->reserved && ip_equal(&address->address.addr, ip) &&
		    file_mark_equal(&address->mark, mark))
			return true;
	}
	return false;
}

void record_clear(struct record *record)
{
	free(record->ranges);
	free(record->addresses);
	free(record->ports.items);
	free(record->text);
	*record = (struct record){};
}

static bool stands_for_itself(unsigned char byte)
{
	return byte >= ' ' && byte != '\\' && byte != 0x7f;
}

/* Adds a line. Bytes that would end it, or can't be seen, are written as \xHH. An absent
 * value has no line. */
static void put_line(struct text *text, const char *key, const char *value)
{
	if (!value || !value[0])
		return;
	text_add(text, "%s ", key);
	while (*value) {
		size_t n = 0;

		while (value[n] && stands_for_itself(value[n]))
			n++;
		text_put(text, value, n);
		value += n;
		if (*value)
			text_add(text, "\\x%02x", (unsigned char)*value++);
	}
	text_put(text, "\n", 1);
}

static void put_answer(struct text *text, const char *key, enum record_answer answer)
{
	if (answer != RECORD_NOT_TOLD)
		put_line(text, key, answer == RECORD_YES ? "yes" : "no");
}

static void put_bandwidth(struct text *text, const struct bandwidth *bandwidth)
{
	const struct rate_limit *in = &bandwidth->ingress, *out = &bandwidth->egress;

	if (in->rate || out->rate)
		text_add(text,
			 "bandwidth %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			 in->rate, in->burst, out->rate, out->burst);
}

static void put_address(struct text *text, const struct record_address *address)
{
	text_add(text, "address %s %s", PREFIX_TEXT(&address->address),
		 address->gateway.family ? IP_TEXT(&address->gateway) : "-");
	if (address->reserved)
		text_add(text, " %" PRIu64 " %" PRId64 ".%09" PRIu32, address->mark.inode,
			 address->mark.mtime_sec, address->mark.mtime_nsec);
	text_put(text, "\n", 1);
}

static unsigned int version_of(const struct record *record)
{
	return record->switch_kind == SWITCH_BRIDGE ? record_ports_version(&record->ports)
						    : RECORD_VERSION_SWITCH;
}

char *record_format(const struct record *record)
{
	struct text text = {};

	text_add(&text, RECORD_FIRST_LINE "%u\n", version_of(record));
	put_line(&text, "network", record->network);
	put_line(&text, "container", record->container_id);
	put_line(&text, "ifname", record->ifname);
	put_line(&text, "boot", record->boot);
	put_line(&text, "netns", record->netns);
	text_add(&text, "cookie %" PRIu64 "\n", record->cookie);
	if (record->node)
		text_add(&text, "node %" PRIu64 "\n", record->node);
	if (record->mac.set)
		put_line(&text, "mac", MAC_TEXT(&record->mac));
	put_line(&text, "bridge", record->bridge);
	if (record->switch_kind != SWITCH_BRIDGE)
		put_line(&text, "switch", switch_word(record->switch_kind));
	put_line(&text, "unseen", record->unseen ? "yes" : NULL);
	put_line(&text, "ovsdb", record->ovs_socket);
	put_line(&text, "pod", record->pod);
	put_line(&text, "spoofcheck", record->spoof_check ? "yes" : NULL);
	if (record->native_vlan)
		text_add(&text, "native %u\n", record->native_vlan);
	put_answer(&text, "spoofaddresses", record->spoof_addresses);
	put_line(&text, "isolated", record->isolated ? "yes" : NULL);
	put_answer(&text, "masquerade", record->masquerade);
	put_line(&text, "routed", record->routed);
	put_line(&text, "quiet", record->quiet ? "yes" : NULL);
	put_line(&text, "neighbours", record->neighbours);
	put_line(&text, "apart", record->apart ? "yes" : NULL);
	put_line(&text, "coming", record->coming ? "yes" : NULL);
	put_bandwidth(&text, &record->bandwidth);
	put_line(&text, "going", record->going ? "yes" : NULL);
	for (size_t i = 0; i < record->ranges_n; i++)
		put_line(&text, "range", PREFIX_TEXT(&record->ranges[i]));
	for (size_t i = 0; i < record->n; i++)
		put_address(&text, &record->addresses[i]);
	record_ports_put(&text, &record->ports);
	put_line(&text, "masqall", record->masq_all ? "yes" : NULL);
	if (record->port_turn)
		text_add(&text, "portturn %" PRIu32 "\n", record->port_turn);
	if (!text.failed)
		text_add(&text, "end %016" PRIx64 "\n", hash_bytes(text.text, text.len));
	if (text.failed) {
		free(text.text);
		return NULL;
	}
	return text.text;
}
