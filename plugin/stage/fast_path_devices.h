/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of fastPath's flowtable: those that it is to have, and those that it has. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_FAST_PATH_DEVICES_H
#define BRIDGE_CNI_PLUGIN_STAGE_FAST_PATH_DEVICES_H

#include <net/if.h>

#include "plugin/attachment/attachment.h"

/* The names of devices, without repetition, in the order in which they were found. */
struct devices {
	struct device {
		char name[IF_NAMESIZE];
		bool found; /* in the flowtable */
	} * items;
	size_t n;
};

void devices_clear(struct devices *devices);

/* Is the network's gateway there? att->gateway_ifname has its name. */
bool devices_have_gateway(const struct attachment *att);

/*
 * Lists the gateway's interface and then the uplinks, by their names, so that a rule's text
 * is the same whichever route was found first. Names that nft can't read are left out, and
 * so are ports of bridges. The list is empty where there is no uplink, or no gateway's
 * interface. Code 101.
 */
int devices_find(struct attachment *att, struct devices *ret_devices,
		 struct cni_error *err);

/* The devices that the flowtable has, and those that it lacks. The caller fills in @wanted,
 * which is its own. */
struct devices_compared {
	struct devices *wanted;
	struct devices others; /* uplinks of former times, and other networks' devices */
	const struct device *missing; /* one of those that are wanted; NULL: none is */
	/* The first of the others that has become a port of a bridge; "": none has. That
	 * bridge and the rules there have to see the frames that come by the port. */
	char port[IF_NAMESIZE];
};

void devices_compared_clear(struct devices_compared *compared);
static inline bool devices_are_settled(const struct devices_compared *compared)
{
	return !compared->missing && !compared->port[0];
}

/* Compares, anew at each call. Where no device is wanted nothing is looked at. Code 101. */
int devices_compare(struct attachment *att, struct devices_compared *compared,
		    struct cni_error *err);

#endif
