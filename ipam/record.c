/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A record as text, and whose it is. Read by record_parse.c; the file is record_file.c's. */
#include "record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../conf/identity.h"
#include "../conf/util.h"

uint64_t owner_hash(const char *container_id, const char *ifname)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "%s\r\n%s", container_id, ifname);

	/* What is longer is in no store: CNI_NAME_MAX. */
	return hash_bytes(text, len < (int)sizeof(text) ? (size_t)len : sizeof(text));
}

const char *record_name(uint64_t owner, char buf[RECORD_NAME_MAX])
{
	snprintf(buf, RECORD_NAME_MAX, RECORD_PREFIX "%016" PRIx64, owner);
	return buf;
}

bool record_is_of(const struct record *record, const char *network,
		  const char *container_id, const char *ifname)
{
	return strcmp(record->network, network) == 0 &&
	       strcmp(record->container_id, container_id) == 0 &&
	       strcmp(record->ifname, ifname) == 0;
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

/* A line; what would end it, or can't be seen, as \xHH. Absent values have no line. */
static void put_line(FILE *file, const char *key, const char *value)
{
	if (!value || !value[0])
		return;
	fprintf(file, "%s ", key);
	for (const char *c = value; *c; c++) {
		unsigned char byte = (unsigned char)*c;

		if (byte < ' ' || byte == '\\' || byte == 0x7f)
			fprintf(file, "\\x%02x", byte);
		else
			fputc(byte, file);
	}
	fputc('\n', file);
}

static void put_bandwidth(FILE *file, const struct bandwidth *bandwidth)
{
	const struct rate_limit *in = &bandwidth->ingress, *out = &bandwidth->egress;

	if (in->rate || out->rate)
		fprintf(file,
			"bandwidth %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			in->rate, in->burst, out->rate, out->burst);
}

static void put_address(FILE *file, const struct record_address *address)
{
	fprintf(file, "address %s %s", PREFIX_TEXT(&address->address),
		address->gateway.family ? IP_TEXT(&address->gateway) : "-");
	if (address->reserved)
		fprintf(file, " %" PRIu64 " %" PRId64 ".%09" PRIu32, address->mark.inode,
			address->mark.mtime_sec, address->mark.mtime_nsec);
	fputc('\n', file);
}

static void put_port(FILE *file, const struct port_mapping *port)
{
	fprintf(file, "hostport %s %s %u %u\n", port_protocol_name(port->protocol),
		port->host_ip.family ? IP_TEXT(&port->host_ip) : "-", port->host_port,
		port->container_port);
}

char *record_format(const struct record *record)
{
	_cleanup_(free_p) char *body = NULL;
	char *text;
	size_t len;
	FILE *file;

	file = open_memstream(&body, &len);
	if (!file)
		return NULL;
	fprintf(file, RECORD_FIRST_LINE "%d\n", RECORD_VERSION);
	put_line(file, "network", record->network);
	put_line(file, "container", record->container_id);
	put_line(file, "ifname", record->ifname);
	put_line(file, "boot", record->boot);
	put_line(file, "netns", record->netns);
	fprintf(file, "cookie %" PRIu64 "\n", record->cookie);
	if (record->node)
		fprintf(file, "node %" PRIu64 "\n", record->node);
	if (record->mac.set)
		put_line(file, "mac", MAC_TEXT(&record->mac));
	put_line(file, "bridge", record->bridge);
	put_line(file, "pod", record->pod);
	put_line(file, "spoofcheck", record->spoof_check ? "yes" : NULL);
	put_line(file, "coming", record->coming ? "yes" : NULL);
	put_bandwidth(file, &record->bandwidth);
	put_line(file, "going", record->going ? "yes" : NULL);
	for (size_t i = 0; i < record->ranges_n; i++)
		put_line(file, "range", PREFIX_TEXT(&record->ranges[i]));
	for (size_t i = 0; i < record->n; i++)
		put_address(file, &record->addresses[i]);
	for (size_t i = 0; i < record->ports.n; i++)
		put_port(file, &record->ports.items[i]);
	if (fclose(file) != 0 ||
	    asprintf(&text, "%send %016" PRIx64 "\n", body, hash_bytes(body, len)) < 0)
		return NULL;
	return text;
}
