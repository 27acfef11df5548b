/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a record's text, which a power cut may have torn and a person may have edited. */
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/identity.h"
#include "conf/base/hex.h"
#include "conf/base/util.h"
#include "record_ports.h"

/* Replaces \xHH by the byte, in place. */
static int unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		int high, low;

		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		high = from[1] == 'x' ? hex_digit(from[2]) : -1;
		low = high >= 0 ? hex_digit(from[3]) : -1;
		if (low < 0 || (high == 0 && low == 0))
			return -EBADMSG;
		*to++ = (char)(high << 4 | low);
		from += 3;
	}
	*to = '\0';
	return 0;
}

/* Reads a decimal number, which must be all of @text. */
static int parse_u64(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EBADMSG;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value > max)
		return -EBADMSG;
	*ret = value;
	return 0;
}

/* Reads "1700000000.123456789". */
static int parse_mtime(char *text, struct file_mark *mark)
{
	char *dot = strchr(text, '.');
	uint64_t sec, nsec;
	bool negative = *text == '-';

	if (!dot)
		return -EBADMSG;
	*dot = '\0';
	if (parse_u64(text + negative, INT64_MAX, &sec) < 0 ||
	    parse_u64(dot + 1, 999999999, &nsec) < 0)
		return -EBADMSG;
	mark->mtime_sec = negative ? -(int64_t)sec : (int64_t)sec;
	mark->mtime_nsec = (uint32_t)nsec;
	return 0;
}

/* Reads "8000000 65536 0 0". */
static int parse_bandwidth(char *value, struct bandwidth *bandwidth)
{
	uint64_t *const numbers[] = {
		&bandwidth->ingress.rate,
		&bandwidth->ingress.burst,
		&bandwidth->egress.rate,
		&bandwidth->egress.burst,
	};
	char *rest = NULL, *word = strtok_r(value, " ", &rest);

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!word || parse_u64(word, UINT64_MAX, numbers[i]) < 0)
			return -EBADMSG;
		word = strtok_r(NULL, " ", &rest);
	}
	return word ? -EBADMSG : 0;
}

static int parse_address(char *value, struct record *record)
{
	char *words[4] = {};
	char *rest = NULL, *word = strtok_r(value, " ", &rest);
	struct record_address address = {}, *grown;
	size_t n = 0;

	for (; word && n < ARRAY_SIZE(words); word = strtok_r(NULL, " ", &rest))
		words[n++] = word;
	if ((n != 2 && n != 4) || prefix_parse(words[0], &address.address) < 0 ||
	    record->n == RECORD_ADDRESSES)
		return -EBADMSG;
	if (strcmp(words[1], "-") != 0 && ip_parse(words[1], &address.gateway) < 0)
		return -EBADMSG;
	address.reserved = n == 4;
	if (n == 4 && (parse_u64(words[2], UINT64_MAX, &address.mark.inode) < 0 ||
		       parse_mtime(words[3], &address.mark) < 0))
		return -EBADMSG;
	grown = reallocarray(record->addresses, record->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	record->addresses = grown;
	grown[record->n++] = address;
	return 0;
}

static int parse_vlan(const char *text, uint16_t *ret)
{
	uint64_t number;

	if (parse_u64(text, UINT16_MAX, &number) < 0 || number == 0)
		return -EBADMSG;
	*ret = (uint16_t)number;
	return 0;
}

static int parse_ifname(char *text, char ret_ifname[IF_NAMESIZE])
{
	int ret = unescape(text);

	if (ret < 0 || !*text || strlen(text) >= IF_NAMESIZE)
		return -EBADMSG;
	strcpy(ret_ifname, text);
	return 0;
}

/* A word that is not known is a later version's, which alone can take the attachment
 * away. */
static int parse_switch(const char *word, enum switch_kind *ret)
{
	return switch_find(word, ret) ? 0 : -ENOTSUP;
}

static int parse_turn(const char *text, uint32_t *ret)
{
	uint64_t number;

	if (parse_u64(text, UINT32_MAX, &number) < 0)
		return -EBADMSG;
	*ret = (uint32_t)number;
	return 0;
}

static int parse_range(const char *value, struct record *record)
{
	struct ip_prefix *grown;

	if (record->ranges_n == RECORD_ADDRESSES)
		return -EBADMSG;
	grown = reallocarray(record->ranges, record->ranges_n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	record->ranges = grown;
	return prefix_parse(value, &grown[record->ranges_n++]) < 0 ? -EBADMSG : 0;
}

static enum record_answer parse_answer(const char *value)
{
	return strcmp(value, "yes") == 0 ? RECORD_YES : RECORD_NO;
}

static int parse_line(char *line, struct record *record)
{
	const struct {
		const char *key;
		const char **value;
	} texts[] = {
		{"network", &record->network}, {"container", &record->container_id},
		{"ifname", &record->ifname},   {"boot", &record->boot},
		{"netns", &record->netns},     {"bridge", &record->bridge},
		{"pod", &record->pod},	       {"ovsdb", &record->ovs_socket},
	};
	char *value = strchr(line, ' ');

	if (!value)
		return -EBADMSG;
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (strcmp(line, texts[i].key) != 0)
			continue;
		*texts[i].value = value;
		return unescape(value);
	}
	if (strcmp(line, "cookie") == 0)
		return parse_u64(value, UINT64_MAX, &record->cookie);
	if (strcmp(line, "node") == 0)
		return parse_u64(value, UINT64_MAX, &record->node);
	if (strcmp(line, "mac") == 0)
		return mac_parse(value, &record->mac) < 0 ? -EBADMSG : 0;
	if (strcmp(line, "range") == 0)
		return parse_range(value, record);
	if (strcmp(line, "address") == 0)
		return parse_address(value, record);
	if (strcmp(line, "bandwidth") == 0)
		return parse_bandwidth(value, &record->bandwidth);
	if (strcmp(line, "routed") == 0)
		return parse_ifname(value, record->routed);
	if (strcmp(line, "neighbours") == 0)
		return parse_ifname(value, record->neighbours);
	if (strcmp(line, "switch") == 0)
		return parse_switch(value, &record->switch_kind);
	if (strcmp(line, "native") == 0)
		return parse_vlan(value, &record->native_vlan);
	if (strcmp(line, "portturn") == 0)
		return parse_turn(value, &record->port_turn);
	if (strcmp(line, "hostport") == 0)
		return record_port_parse(value, &record->ports);
	if (strcmp(line, "hostports") == 0)
		return record_ports_parse(value, &record->ports);
	if (strcmp(line, "spoofcheck") == 0)
		record->spoof_check = strcmp(value, "yes") == 0;
	if (strcmp(line, "spoofaddresses") == 0)
		record->spoof_addresses = parse_answer(value);
	if (strcmp(line, "isolated") == 0)
		record->isolated = strcmp(value, "yes") == 0;
	if (strcmp(line, "masquerade") == 0)
		record->masquerade = parse_answer(value);
	if (strcmp(line, "quiet") == 0)
		record->quiet = strcmp(value, "yes") == 0;
	if (strcmp(line, "unseen") == 0)
		record->unseen = strcmp(value, "yes") == 0;
	if (strcmp(line, "apart") == 0)
		record->apart = strcmp(value, "yes") == 0;
	if (strcmp(line, "masqall") == 0)
		record->masq_all = strcmp(value, "yes") == 0;
	if (strcmp(line, "coming") == 0)
		record->coming = strcmp(value, "yes") == 0;
	if (strcmp(line, "going") == 0)
		record->going = strcmp(value, "yes") == 0;
	return 0; /* an unknown key: a later version's */
}

/* Checks the number in the first line, and gives where the second one begins. */
static int parse_first(char *text, char **ret_rest)
{
	size_t prefix = strlen(RECORD_FIRST_LINE);
	char *end = strchr(text, '\n');
	uint64_t version;

	if (strncmp(text, RECORD_FIRST_LINE, prefix) != 0 || !end)
		return -EBADMSG;
	*end = '\0';
	if (parse_u64(text + prefix, UINT32_MAX, &version) < 0 || version == 0)
		return -EBADMSG;
	*ret_rest = end + 1;
	return version > RECORD_VERSION ? -ENOTSUP : 0;
}

/* Checks that the last line is the hash of those before, and gives where it begins. */
static int check_end(char *text, size_t len, char **ret_end)
{
	char want[32];
	char *end;

	if (len == 0 || text[len - 1] != '\n' || memchr(text, '\0', len))
		return -EBADMSG;
	text[len - 1] = '\0';
	end = strrchr(text, '\n');
	text[len - 1] = '\n';
	if (!end)
		return -EBADMSG;
	end++;
	snprintf(want, sizeof(want), "end %016" PRIx64 "\n",
		 hash_bytes(text, (size_t)(end - text)));
	if (strcmp(end, want) != 0)
		return -EBADMSG;
	*ret_end = end;
	return 0;
}

int record_parse(const char *text, size_t len, struct record *ret_record)
{
	_cleanup_(record_clear) struct record record = {
		.network = "",
		.container_id = "",
		.ifname = "",
		.boot = "",
		.netns = "",
		.bridge = "",
		.ovs_socket = "",
		.pod = "",
	};
	char *line = NULL, *end;
	int ret;

	record.text = malloc(len + 1);
	if (!record.text)
		return -ENOMEM;
	memcpy(record.text, text, len);
	record.text[len] = '\0';
	ret = check_end(record.text, len, &end);
	if (ret < 0) {
		/* A newer version's record may end otherwise. */
		return parse_first(record.text, &line) == -ENOTSUP ? -ENOTSUP : ret;
	}
	ret = parse_first(record.text, &line);
	while (ret == 0 && line < end) {
		char *next = strchr(line, '\n');

		*next = '\0';
		ret = parse_line(line, &record);
		line = next + 1;
	}
	if (ret == 0)
		ret = record_ports_join(&record.ports);
	if (ret < 0)
		return ret;
	if (!record.network[0] || !record.container_id[0] || !record.ifname[0])
		return -EBADMSG;
	*ret_record = record;
	record = (struct record){};
	return 0;
}
