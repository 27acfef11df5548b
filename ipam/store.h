/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of the host-local store of one network: the directory, its lock,
 * reservations and last reserved addresses, byte for byte as the host-local plugin of
 * containernetworking/plugins keeps them (plugins/ipam/host-local/backend/disk), so that
 * both programs can work on one store at once. Which address is next is allocator.h's.
 *
 *	<dataDir>/<network>/<ip>		"<containerID>\r\n<ifname>"
 *	<dataDir>/<network>/last_reserved_ip.<n>  an address; <n>: index of the range set
 *	<dataDir>/<network>/lock		flock()ed by whoever reads or writes the rest
 *	<dataDir>/.bridge-cni/<network>/	what is not host-local's: files being written
 *
 * Everything here is done with the lock held, from store_open() to store_close(). Errors
 * of system calls are code 5 and name the file, the errno and what helps.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_H
#define BRIDGE_CNI_IPAM_STORE_H

#include <net/if.h>

#include "../conf/net_conf.h"

#define STORE_LOCK_FILE	   "lock"
#define STORE_LOCK_WAIT_MS 10000 /* host-local holds it for milliseconds */

/* "<containerID>\r\n<ifname>" with the NUL. */
#define OWNER_TEXT_MAX (CNI_NAME_MAX + 2 + IF_NAMESIZE)

/* Who holds a reservation. Borrowed strings. */
struct owner {
	const char *container_id, *ifname;
};

/* How a reservation's text relates to an owner. */
enum owner_match {
	OWNER_OTHER,
	OWNER_EXACT,
	OWNER_OLD, /* the container ID alone, as old versions of host-local wrote */
};

/* What a reservation file says, white space at both ends cut; any bytes. */
struct owner_text {
	size_t len;
	char text[OWNER_TEXT_MAX + 64]; /* no room for it all: not a reservation */
};

struct store {
	char *path; /* <dataDir>/<network>, for messages */
	char *own_path; /* <dataDir>/.bridge-cni/<network> */
	int dir_fd, own_fd, lock_fd; /* own_fd: -1 when it isn't there */
	bool prepared; /* a reservation is written aside */
};

enum store_mode {
	STORE_CREATE, /* make what is missing (directories 0755, umask or not) */
	STORE_EXISTING, /* make nothing but the lock file */
};

/*
 * Opens the store of @network and takes its lock, for which it waits at most @wait_ms
 * milliseconds: then code 11, naming the lock file. With STORE_EXISTING, -ENOENT without
 * an error set says that there is no store and so no reservation.
 */
int store_open(const char *data_dir, const char *network, enum store_mode mode,
	       unsigned int wait_ms, struct store *ret_store, struct cni_error *err);

/* Gives the lock back and frees. Takes a closed store, too. */
void store_close(struct store *store);
#define STORE_CLOSED ((struct store){.dir_fd = -1, .own_fd = -1, .lock_fd = -1})

/*
 * Writes a reservation aside, ready for store_place(), so that one that appears is whole
 * whatever happens. Needs STORE_CREATE.
 */
int store_prepare(struct store *store, const struct owner *owner, struct cni_error *err);

/* Puts the prepared reservation in place. -EEXIST, no error set: @ip is taken. */
int store_place(struct store *store, const struct ip_addr *ip, struct cni_error *err);

/* Takes one reservation away; none there is success. */
int store_remove(const struct store *store, const struct ip_addr *ip,
		 struct cni_error *err);

/*
 * Takes away every reservation of @owner; where there is none, those that old versions
 * of host-local made for its container ID. Goes on past a file that makes trouble and
 * reports the first. A file that can't be read is trouble only if nothing else was found.
 */
int store_release(const struct store *store, const struct owner *owner,
		  struct cni_error *err);

/* Any address that @owner (or its container ID, old format) holds. -ENOENT, no error
 * set: none. */
int store_find(const struct store *store, const struct owner *owner,
	       struct ip_addr *ret_ip, struct cni_error *err);

/* Who holds @ip. 0 or -errno (-ENOENT: nobody; -EFBIG: too long for a reservation). */
int store_owner_of(const struct store *store, const struct ip_addr *ip,
		   struct owner_text *ret_text);
enum owner_match owner_match(const struct owner_text *text, const struct owner *owner);

/* The text for messages, "<containerID>/<ifname>", unprintable bytes as '?'; returns
 * @buf. */
const char *owner_format(const struct owner_text *text, char buf[OWNER_TEXT_MAX]);
#define OWNER_TEXT(text) owner_format((text), (char[OWNER_TEXT_MAX]){})

/* How many addresses of @set have a reservation file, whatever is in it. */
int store_count(const struct store *store, const struct range_set *set, size_t *ret_count,
		struct cni_error *err);

/* last_reserved_ip.<set>. False when it is missing or isn't an address. */
bool store_last_get(const struct store *store, size_t set, struct ip_addr *ret_ip);
int store_last_put(const struct store *store, size_t set, const struct ip_addr *ip,
		   struct cni_error *err);

/*
 * For the files of ipam/ that write into the store: code 5, "can't @what @dir/@name:
 * ..." with what helps against @errnum in the details. @name NULL: @dir itself.
 */
int store_file_error(const char *dir, const char *name, int errnum, const char *what,
		     struct cni_error *err);

/* Removes what is written aside. */
void store_discard(struct store *store);

#endif
