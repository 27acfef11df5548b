/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store of a network as it is found, for people to look at. Its lock is not taken, so
 * nobody waits for the reader, and the reader for nobody. Each file is read whole; what
 * comes or goes meanwhile is seen or isn't. Nothing is made, and nothing is given back.
 */
#ifndef BRIDGE_CNI_IPAM_VIEW_H
#define BRIDGE_CNI_IPAM_VIEW_H

#include "ipam.h"
#include "ipam/store/record.h"
#include "view_state.h"

/* So many reservations of others are read, and named. */
#define IPAM_VIEW_NAMED 4096

/* An attachment of the owner, by its record. */
struct ipam_view_record {
	struct record record; /* owned */
	enum ipam_view_state state;
	int64_t since; /* seconds since 1970; 0: not known */
	size_t held; /* so many reservations are its own */
	bool uncovered; /* a reservation is its own that the record doesn't name */
};

/* A reservation that no record names. */
struct ipam_view_other {
	struct ip_addr ip;
	/* of the holder, as the file has them, any bytes; "": it says none; owned */
	char *container_id, *ifname;
	int64_t since;
};

struct ipam_view {
	struct {
		struct ipam_view_record *items;
		size_t n;
	} records;
	/* all addresses that are reserved, ascending */
	struct {
		struct ip_addr *items;
		size_t n;
	} reserved;
	struct {
		struct ipam_view_other *items;
		size_t n;
	} others;
	size_t others_n; /* how many there are; IPAM_VIEW_NAMED of them are named */
	size_t of_other_bridges; /* records of other owners of the network's name */
	size_t torn, newer, unreadable; /* records that could not be read */
	/* The directories of the records, and of the reservations, can't be read, for this
	 * reason: the lists lack what is there. 0: they can. */
	int records_errnum, reservations_errnum;
};
void ipam_view_clear(struct ipam_view *view);

/* Reads the store. One that is not there is as good as an empty one. Code 100. */
int ipam_view(const struct ipam_env *env, struct ipam_view *ret_view,
	      struct cni_error *err);

/* Counts the reserved addresses from @from to @to, inclusive. */
size_t ipam_view_count(const struct ipam_view *view, const struct ip_addr *from,
		       const struct ip_addr *to);

#endif
