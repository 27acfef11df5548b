/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/list.h"
#include "conf/base/util.h"

#define LINE_SIZE 4096
#define LISTENS	  0x0a /* TCP_LISTEN, and SCTP's own number for it */
#define BOUND	  0x07 /* UDP: not connected */

static int listener_add(struct listener_list *list, const struct listener *listener)
{
	struct listener *item = LIST_ADD(list);

	if (!item)
		return -ENOMEM;
	*item = *listener;
	item->addr = ip_unmap(&item->addr);
	return 0;
}

/* Addresses are words of four bytes, as the machine has them. */
int listener_line_add(const char *line, int family, int protocol, unsigned int state,
		      struct listener_list *list)
{
	struct listener listener = {.addr.family = family, .protocol = protocol};
	char address[33] = "";
	unsigned int port, has;
	unsigned long inode;

	/* NOLINTNEXTLINE(cert-err34-c): the kernel writes no number that is wider */
	if (sscanf(line,
		   " %*u: %32[0-9A-Fa-f]:%x %*[^ ] %x %*[^ ] %*[^ ] %*[^ ] %*u %*u %lu",
		   address, &port, &has, &inode) != 4 ||
	    has != state || strlen(address) != 2 * ip_size(family))
		return 0;
	listener.port = port;
	listener.inode = inode;
	for (size_t i = 0; i < ip_size(family); i += 4) {
		char word[9] = "";
		uint32_t value;

		memcpy(word, address + 2 * i, 8);
		value = strtoul(word, NULL, 16);
		memcpy(listener.addr.bytes + i, &value, sizeof(value));
	}
	return listener_add(list, &listener);
}

/* The line ends with all addresses that the socket is bound to; the first one may have a
 * star. */
int listener_sctp_line_add(const char *line, struct listener_list *list)
{
	struct listener listener = {.protocol = IPPROTO_SCTP};
	_cleanup_(free_p) char *words = NULL;
	char *rest = NULL;
	unsigned int state, port;
	unsigned long inode;
	int at = 0, ret = 0;

	/* NOLINTNEXTLINE(cert-err34-c): the kernel writes no number that is wider */
	if (sscanf(line, " %*s %*s %*d %u %*d %u %*u %lu %n", &state, &port, &inode,
		   &at) != 3 ||
	    !at || state != LISTENS)
		return 0;
	listener.port = port;
	listener.inode = inode;
	words = strdup(line + at);
	if (!words)
		return -ENOMEM;
	for (char *word = strtok_r(words, " \n", &rest); ret == 0 && word;
	     word = strtok_r(NULL, " \n", &rest)) {
		word += *word == '*';
		listener.addr = (struct ip_addr){.family = strchr(word, ':') ? AF_INET6
									     : AF_INET};
		if (inet_pton(listener.addr.family, word, listener.addr.bytes) == 1)
			ret = listener_add(list, &listener);
	}
	return ret;
}

static const struct source {
	const char *path;
	int family, protocol;
	unsigned int state;
} sources[] = {
	{"/proc/net/tcp", AF_INET, IPPROTO_TCP, LISTENS},
	{"/proc/net/tcp6", AF_INET6, IPPROTO_TCP, LISTENS},
	{"/proc/net/udp", AF_INET, IPPROTO_UDP, BOUND},
	{"/proc/net/udp6", AF_INET6, IPPROTO_UDP, BOUND},
	{"/proc/net/sctp/eps", AF_UNSPEC, IPPROTO_SCTP, LISTENS},
};

static int source_read(const struct source *source, struct listener_list *list)
{
	FILE *file = fopen(source->path, "re");
	char line[LINE_SIZE];
	int ret = 0;

	if (!file)
		return 0;
	while (ret == 0 && fgets(line, sizeof(line), file))
		ret = source->protocol == IPPROTO_SCTP
			      ? listener_sctp_line_add(line, list)
			      : listener_line_add(line, source->family, source->protocol,
						  source->state, list);
	fclose(file);
	return ret;
}

int listeners_read(struct listener_list *ret_list)
{
	struct listener_list list = {};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(sources); i++)
		ret = source_read(&sources[i], &list);
	if (ret < 0) {
		free(list.items);
		return ret;
	}
	*ret_list = list;
	return 0;
}
