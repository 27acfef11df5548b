/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports are read only when a counter has grown. */
#include "drops.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "conf/base/clock.h"
#include "conf/base/list.h"
#include "conf/base/text.h"
#include "conf/names.h"
#include "plugin/netlink/nf_tables_counters.h"
#include "plugin/netlink/nf_tables_lookup.h"
#include "plugin/nft/rules.h"
#include "port_pod.h"

#define COUNTER_PREFIX "spoof_"
#define PORTS_SET      "dropped_ports"
#define PORTS_MAX      1024 /* elements that the set has room for */
#define LOOK_MS	       60000 /* at the longest */
#define AGAIN_MS       600000 /* a pod is named again, if it goes on */
#define LINES_MAX      32 /* pods that one look names; the next ones name the others */

void drops_clear(struct drops *drops)
{
	free(drops->told.items);
	drops->told.items = NULL;
	drops->told.n = 0;
}

/* A counter of the table, for nft_table_counters(). One of an unknown form is passed
 * over. */
static int add_kind(const char *name, uint64_t packets, void *data)
{
	struct drop_kinds *kinds = data;
	const size_t prefix = strlen(COUNTER_PREFIX);
	struct drop_kind *kind = &kinds->items[kinds->n];

	if (!name) {
		kinds->n = 0;
		return 0;
	}
	if (strncmp(name, COUNTER_PREFIX, prefix) != 0 || kinds->n == DROP_KINDS_MAX ||
	    strlen(name + prefix) >= sizeof(kind->name) ||
	    name[prefix + strspn(name + prefix, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return 0;
	strcpy(kind->name, name + prefix);
	kind->packets = packets;
	kinds->n++;
	return 0;
}

/* Adds the names of the counters that have grown to @text. One that is smaller than it
 * was has begun anew. */
static void add_grown(struct text *text, const struct drop_kinds *before,
		      const struct drop_kinds *now)
{
	for (size_t i = 0; i < now->n; i++) {
		uint64_t last = 0;

		for (size_t k = 0; k < before->n; k++)
			if (strcmp(before->items[k].name, now->items[i].name) == 0)
				last = before->items[k].packets;
		if (now->items[i].packets && now->items[i].packets != last)
			text_add(text, "%s%s", text->len ? " " : "", now->items[i].name);
	}
}

struct ports {
	struct port {
		char name[IF_NAMESIZE];
	} * items;
	size_t n;
};

/* An element of the set, for nft_set_elements(). */
static int add_port(const struct nft_element *element, void *data)
{
	struct ports *ports = data;
	struct port *port = ports->n < PORTS_MAX ? LIST_ADD(ports) : NULL;

	if (!port)
		return ports->n < PORTS_MAX ? -ENOMEM : 0;
	memcpy(port->name, element->key.bytes, IF_NAMESIZE - 1);
	if (!ifname_valid(port->name))
		ports->n--;
	return 0;
}

static void forget_told(struct drops *drops, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < drops->told.n; i++)
		if (now - drops->told.items[i].at < AGAIN_MS)
			drops->told.items[kept++] = drops->told.items[i];
	drops->told.n = kept;
}

static bool is_told(const struct drops *drops, const char *port)
{
	for (size_t i = 0; i < drops->told.n; i++)
		if (strcmp(drops->told.items[i].name, port) == 0)
			return true;
	return false;
}

static void tell(struct drops *drops, const char *name, const char *kinds, int64_t now)
{
	struct told_port *told = LIST_ADD(&drops->told);
	char pod[POD_NAME_MAX];
	struct link port;

	if (told) {
		memcpy(told->name, name, sizeof(told->name));
		told->at = now;
	}
	if (link_get(drops->rtnl, name, &port, NULL) < 0 || !port.index)
		port = (struct link){};
	log_write(drops->log, LOG_LEVEL_WARN,
		  "frames that a pod sent from addresses that aren't its own, or that no "
		  "pod may send, were dropped",
		  "pod", port.index ? port_pod(drops->network, &port, pod) : "gone",
		  "interface", name, "kinds", kinds, NULL);
}

static int tell_ports(struct drops *drops, const char *kinds, struct cni_error *err)
{
	const struct nft_set set = {
		.family = NFPROTO_BRIDGE, .table = RULES_TABLE, .name = PORTS_SET};
	struct ports ports = {};
	int64_t now = now_ms();
	unsigned int lines = 0;
	int ret;

	forget_told(drops, now);
	ret = nft_set_elements(drops->nft, &set, add_port, &ports, err);
	for (size_t i = 0; i < ports.n && lines < LINES_MAX; i++) {
		if (is_told(drops, ports.items[i].name))
			continue;
		tell(drops, ports.items[i].name, kinds, now);
		lines++;
	}
	free(ports.items);
	return ret;
}

void drops_look(struct drops *drops)
{
	int64_t resync = (int64_t)drops->options->resync_seconds * 1000;
	struct drop_kinds now = {};
	struct cni_error err = {};
	struct text grown = {};

	drops->due_at = now_ms() + (resync < LOOK_MS ? resync : LOOK_MS);
	if (nft_table_counters(drops->nft, NFPROTO_BRIDGE, RULES_TABLE, add_kind, &now,
			       &err) < 0) {
		log_error_once(drops->log, &drops->error,
			       "reading how much was dropped has failed", &err);
		return;
	}
	add_grown(&grown, &drops->kinds, &now);
	drops->kinds = now;
	if (grown.len && !grown.failed && tell_ports(drops, grown.text, &err) < 0)
		log_error_once(drops->log, &drops->error,
			       "reading whose frames were dropped has failed", &err);
	else
		drops->error = 0;
	free(grown.text);
}
