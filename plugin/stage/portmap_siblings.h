/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container on several networks, or with several interfaces, may ask for the same host port
 * by each: a port is the container's, and the attachment that came first has it. Their records
 * say so by a number each (struct record's port_turn).
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_SIBLINGS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_SIBLINGS_H

#include "portmap_elements.h"

/* An attachment of the store, on whichever network of it, that is connected. */
struct sibling {
	struct record record;
	struct portmap_sets sets;
	struct nft_element_list elements; /* all that it asks for; they point to @sets */
};

/* Sorted: who comes first has what several want. */
struct siblings {
	struct sibling **items; /* owned */
	size_t n;
};
void siblings_clear(struct siblings *siblings);

/*
 * Those of container @container_id, but @att itself; with NULL those of all containers that
 * share ports. Code 100 and those of the store.
 */
int siblings_read(struct attachment *att, const char *container_id,
		  const struct pod *except, struct siblings *ret_siblings,
		  struct cni_error *err);

/* Adds to @elements those of the container's attachments that come before @record in that
 * order. They point to @siblings. */
int siblings_before(const struct siblings *siblings, const struct record *record,
		    struct nft_element_list *elements, struct cni_error *err);

/* Gives the attachment the last place among those of its container, whose records come to say
 * that they share. Under the exclusive lock. */
int siblings_join(struct attachment *att, struct cni_error *err);

/* All elements of an attachment in an owner's sets, whatever it asked for: of what it shares
 * it may have a part. Adds them to @found, which points to @sets. */
int portmap_list_own(struct netlink *nl, const struct portmap_sets *sets,
		     const char *host_ifname, struct nft_element_list *found,
		     struct cni_error *err);

/* For the operator, where the others get nothing. */
#define PORTMAP_WITHOUT_HEIRS                                                      \
	"host ports that other attachments of the container ask for as well lead " \
	"nowhere until repair"

/* Adds the elements that @siblings have to @ret_old, and those that they have from now on to
 * @ret_new. Where that can't be told, the operator is, and both are empty. */
void siblings_inherit(struct attachment *att, const struct siblings *siblings,
		      struct nft_element_list *ret_old, struct nft_element_list *ret_new);

/*
 * Deletes @gone, elements of one whose place is free, and in the same transaction adds what
 * its container's others then have. Under the exclusive lock.
 */
int siblings_take_over(struct attachment *att, struct netlink *nl,
		       const struct siblings *siblings,
		       const struct nft_element_list *gone, struct cni_error *err);

#endif
