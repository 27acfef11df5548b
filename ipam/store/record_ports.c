/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record's host ports. Where they are few and none follow each other, each is a line
 * that every version reads. Otherwise the record is of version 2, and has a line for all
 * ports of a protocol and address.
 */
#include "record_ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/base/util.h"

#define LINES_MAX 512 /* "hostport" lines that version 1 reads */

static const char *host_text(const struct port_mapping *port, char buf[IP_TEXT_MAX])
{
	return port->host_ip.family ? ip_format(&port->host_ip, buf) : "-";
}

#define HOST_TEXT(port) host_text((port), (char[IP_TEXT_MAX]){})

unsigned int record_ports_version(const struct port_mapping_list *ports)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->items[i].count > 1)
			return 2;
	return ports->n > LINES_MAX ? 2 : 1;
}

static bool is_beside(const struct port_mapping *a, const struct port_mapping *b)
{
	return a->protocol == b->protocol && ip_equal(&a->host_ip, &b->host_ip);
}

void record_ports_put(struct text *text, const struct port_mapping_list *ports)
{
	bool compact = record_ports_version(ports) > 1;

	for (size_t i = 0; i < ports->n; i++) {
		const struct port_mapping *port = &ports->items[i];
		bool begins = i == 0 || !is_beside(port - 1, port);
		bool ends = i + 1 == ports->n || !is_beside(port, port + 1);

		if (!compact) {
			text_add(text, "hostport %s %s %u %u\n",
				 port_protocol_name(port->protocol), HOST_TEXT(port),
				 port->host_port, port->container_port);
			continue;
		}
		if (begins)
			text_add(text, "hostports %s %s ",
				 port_protocol_name(port->protocol), HOST_TEXT(port));
		text_add(text, "%u", port->host_port);
		if (port->count > 1)
			text_add(text, "-%u", port->host_port + port->count - 1);
		text_add(text, ":%u%s", port->container_port, ends ? "\n" : ",");
	}
}

/* Reads a port's number. A character of @after, or the end, must be behind it. */
static int take_number(char **at, const char *after, uint32_t *ret)
{
	char *end;
	unsigned long number;

	if (**at < '0' || **at > '9')
		return -EBADMSG;
	errno = 0;
	number = strtoul(*at, &end, 10);
	if (errno || number == 0 || number > UINT16_MAX || !strchr(after, *end))
		return -EBADMSG;
	*ret = (uint32_t)number;
	*at = end;
	return 0;
}

static size_t ports_of(const struct port_mapping_list *list)
{
	size_t ports = 0;

	for (size_t i = 0; i < list->n; i++)
		ports += list->items[i].count;
	return ports;
}

/* Adds @port. @ports says how many ports are in @list, and is brought up to date. */
static int list_add(struct port_mapping_list *list, const struct port_mapping *port,
		    size_t *ports)
{
	struct port_mapping *added;

	*ports += port->count;
	if (*ports > PORT_MAPPINGS_MAX)
		return -EBADMSG;
	added = LIST_ADD(list);
	if (!added)
		return -ENOMEM;
	*added = *port;
	return 0;
}

/* Reads "8000-8600:80", or "8000:80". */
static int take_run(char **at, struct port_mapping *port)
{
	uint32_t last;

	if (take_number(at, "-:", &port->host_port) < 0 || !**at)
		return -EBADMSG;
	last = port->host_port;
	if (*(*at)++ == '-' && (take_number(at, ":", &last) < 0 || *(*at)++ != ':'))
		return -EBADMSG;
	if (last < port->host_port || take_number(at, ",", &port->container_port) < 0)
		return -EBADMSG;
	port->count = last - port->host_port + 1;
	return port->container_port + port->count - 1 > UINT16_MAX ? -EBADMSG : 0;
}

/* Reads protocol and host address, and gives the rest of the line; NULL:
 * they are wrong. */
static char *take_words(char *value, struct port_mapping *port)
{
	char *rest = NULL;
	const char *protocol = strtok_r(value, " ", &rest);
	const char *host_ip = strtok_r(NULL, " ", &rest);

	if (!protocol || !host_ip || port_protocol_parse(protocol, &port->protocol) < 0 ||
	    (strcmp(host_ip, "-") != 0 && ip_parse(host_ip, &port->host_ip) < 0))
		return NULL;
	return rest;
}

int record_port_parse(char *value, struct port_mapping_list *list)
{
	struct port_mapping port = {.count = 1};
	char *at = take_words(value, &port);
	size_t ports = ports_of(list);

	if (!at || take_number(&at, " ", &port.host_port) < 0 || *at++ != ' ' ||
	    take_number(&at, "", &port.container_port) < 0)
		return -EBADMSG;
	return list_add(list, &port, &ports);
}

int record_ports_parse(char *value, struct port_mapping_list *list)
{
	struct port_mapping port = {};
	char *at = take_words(value, &port);
	size_t ports = ports_of(list);
	int ret = at ? 0 : -EBADMSG;

	while (ret == 0) {
		ret = take_run(&at, &port);
		if (ret == 0)
			ret = list_add(list, &port, &ports);
		if (ret == 0 && *at == '\0')
			break;
		at++;
	}
	return ret;
}

int record_ports_join(struct port_mapping_list *list)
{
	struct port_mapping_list joined;
	int ret;

	/* A record of version 2 was written with its ports joined. */
	if (list->n < 2 || record_ports_version(list) > 1)
		return 0;
	ret = port_mappings_merge(list, &joined);
	if (ret < 0)
		return ret;
	free(list->items);
	*list = joined;
	return 0;
}
