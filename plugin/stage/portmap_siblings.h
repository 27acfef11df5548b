/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container on several networks, or with several interfaces, may ask for the same host
 * port by each of its attachments. These are siblings: the port is the container's, and
 * the sibling that came first has it. When that one goes, the next one gets the port. A
 * sibling's turn, its place in that order, is in its record (struct record's port_turn).
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_SIBLINGS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_SIBLINGS_H

#include "portmap_elements.h"

/* A connected attachment, on any network of the store. */
struct sibling {
	struct record record;
	struct portmap_sets sets;
	struct nft_element_list elements; /* all that it asks for; they point to @sets */
};

/* Sorted by their turns: the first one has what several ask for. */
struct siblings {
	struct sibling **items; /* owned */
	size_t n;
};
void siblings_clear(struct siblings *siblings);

/*
 * Reads the attachments of container @container_id but @except (NULL: none is left out).
 * With @container_id NULL it reads the siblings of all containers. Code 100 and those of
 * the store.
 */
int siblings_read(struct attachment *att, const char *container_id,
		  const struct pod *except, struct siblings *ret_siblings,
		  struct cni_error *err);

/* Adds the elements of those siblings of @record that come before it; they point to
 * @siblings. */
int siblings_before(const struct siblings *siblings, const struct record *record,
		    struct nft_element_list *elements, struct cni_error *err);

/* Gives the attachment the last turn among its siblings. A sibling that had none, because
 * no other asked for its ports, gets the first turn in its record. Under the exclusive
 * lock. */
int siblings_join(struct attachment *att, struct cni_error *err);

/* The operator is told this where siblings can't have the ports that become free. */
#define SIBLINGS_WITHOUT_PORTS                                                     \
	"host ports that other attachments of the container ask for as well lead " \
	"nowhere until repair"

/* Adds the elements that @siblings have to @ret_old, and those that they are to have from
 * now on to @ret_new. An error is told by notice(), and both are empty then. */
void siblings_inherit(struct attachment *att, const struct siblings *siblings,
		      struct nft_element_list *ret_old, struct nft_element_list *ret_new);

/*
 * Deletes @gone, and in the same transaction adds the elements that @siblings are to have
 * once those are gone. Under the exclusive lock.
 */
int siblings_take_over(struct attachment *att, struct netlink *nl,
		       const struct siblings *siblings,
		       const struct nft_element_list *gone, struct cni_error *err);

#endif
