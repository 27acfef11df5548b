/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of the store of one network. What host-local of containernetworking/plugins
 * keeps stands byte for byte as it does it (plugins/ipam/host-local/backend/disk), so that
 * both programs can work on one store at once; the rest stands apart, where host-local
 * never looks:
 *
 *	<dataDir>/<network>/<ip>		"<containerID>\r\n<ifname>"
 *	<dataDir>/<network>/last_reserved_ip.<n>  an address; <n>: index of the range set
 *	<dataDir>/<network>/lock		flock()ed by whoever reads or writes the rest
 *	<dataDir>/.bridge-cni/<network>/p-…	a record an attachment: record.h
 *	<dataDir>/.bridge-cni/<network>/index	what the directory holds: index.h
 *	<dataDir>/.bridge-cni/<network>/others	ipam/last_of_owner.c: see ipam_note_others()
 *	<dataDir>/.bridge-cni/<network>/.…	being written
 *
 * Everything here is done with the lock held, from store_open() to store_close(). Errors
 * of system calls are code 5 and name the file, the errno and what helps. Which address is
 * next is allocator.h's.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_STORE_H
#define BRIDGE_CNI_IPAM_STORE_STORE_H

#include <net/if.h>

#include "conf/names.h"
#include "conf/network.h"
#include "record.h"
#include "table.h"

#define STORE_LOCK_FILE	   "lock"
#define STORE_LOCK_WAIT_MS 10000 /* host-local holds it for milliseconds */
#define STORE_LAST_PREFIX  "last_reserved_ip."

/* Being written: one fixed name, as only the lock's holder writes. */
#define STORE_ASIDE_RECORD   ".record"
#define STORE_ASIDE_GATEWAYS ".gateways"

/* Whatever stands there: no link is followed, nothing blocks. */
#define STORE_OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* "<containerID>\r\n<ifname>" with the NUL. */
#define HOLDER_TEXT_MAX (CNI_NAME_MAX + 2 + IF_NAMESIZE)

/* Who holds a reservation. Borrowed strings. */
struct holder {
	const char *container_id, *ifname;
};

/* How a reservation's text relates to a holder. */
enum holder_match {
	HOLDER_OTHER,
	HOLDER_EXACT,
	HOLDER_OLD, /* the container ID alone, as old versions of host-local wrote */
};

/* What a reservation file says, white space and NULs at both ends cut; any bytes. Empty:
 * nobody's, as a power cut leaves it. */
struct holder_text {
	size_t len;
	char text[HOLDER_TEXT_MAX + 64]; /* no room for it all: not a reservation */
};

struct store {
	char *path; /* <dataDir>/<network>, for messages */
	char *own_path; /* <dataDir>/.bridge-cni/<network> */
	const char *network; /* borrowed */
	int dir_fd, own_fd, lock_fd; /* -1: not there; a directory is locked instead */
	unsigned int asides; /* reservations written aside: numbers below */
	struct table table; /* index.h */
	bool spoilt; /* the index turned out wrong: don't save it */
};

/* Results of functions that are neither success nor an error. */
enum {
	STORE_ABSENT = 1, /* store_open(): there is neither reservation nor record */
	STORE_TAKEN, /* store_place(): the address is reserved already */
	STORE_NEXT, /* store_record_next(): here is another record */
};

enum store_mode {
	STORE_CREATE, /* make what is missing (directories 0755, umask or not) */
	STORE_RECORDS, /* make what records need; there may be no reservations */
	STORE_EXISTING, /* make nothing but the lock file */
};

/*
 * Opens the store of @network and takes its lock, for which it waits at most @wait_ms
 * milliseconds: then code 11, naming the lock file. STORE_ABSENT only with STORE_EXISTING.
 */
int store_open(const char *data_dir, const char *network, enum store_mode mode,
	       unsigned int wait_ms, struct store *ret_store, struct cni_error *err);

/* Gives the lock back and frees. Takes a closed store, too. */
void store_close(struct store *store);
#define STORE_CLOSED \
	((struct store){.dir_fd = -1, .own_fd = -1, .lock_fd = -1, .table = {.fd = -1}})

/* Makes the directory of our own files where there is none yet. */
int store_make_own(struct store *store, struct cni_error *err);

/*
 * Writes reservation number @n aside, ready for store_place(), so that one that appears is
 * whole whatever happens. @ret_mark is what it will be known by once it is in place.
 */
int store_prepare(struct store *store, unsigned int n, const struct holder *holder,
		  struct file_mark *ret_mark, struct cni_error *err);

/* Puts reservation number @n in place, the highest first. STORE_TAKEN: nothing was done. */
int store_place(struct store *store, unsigned int n, const struct ip_addr *ip,
		struct cni_error *err);

/* Takes one reservation away; none there is success. */
int store_remove(const struct store *store, const struct ip_addr *ip,
		 struct cni_error *err);

/* Removes what is written aside: by this process, or by one that was killed. */
void store_discard(struct store *store);
void store_tidy(const struct store *store);

/* Who holds the address that is the name of a file. 0; -ENOENT: nobody; -EFBIG: something
 * that is no reservation (too long, a link, a directory); another -errno: who knows? */
int store_holder_of(const struct store *store, const struct ip_addr *ip,
		    struct holder_text *ret_text);
enum holder_match holder_match(const struct holder_text *text,
			       const struct holder *holder);
uint64_t holder_text_hash(const struct holder_text *text);

/* The text for messages, "<containerID>/<ifname>", unprintable bytes as '?'; returns
 * @buf. */
const char *holder_format(const struct holder_text *text, char buf[HOLDER_TEXT_MAX]);
#define HOLDER_TEXT(text) holder_format((text), (char[HOLDER_TEXT_MAX]){})

/* last_reserved_ip.<set>, kept open from reading to writing. */
struct last_file {
	int fd; /* -1: it has to be made */
	size_t len; /* of its text */
	struct ip_addr ip; /* family 0: missing, or not an address */
};
#define LAST_CLOSED ((struct last_file){.fd = -1})
void store_last_get(const struct store *store, size_t set, struct last_file *ret_last);
int store_last_put(const struct store *store, size_t set, struct last_file *last,
		   const struct ip_addr *ip, struct cni_error *err);
static inline void last_close(struct last_file *last)
{
	close_p(&last->fd);
}

/* The holder's record. -ENOENT; -EBADMSG: torn; -ENOTSUP: a newer version's; -errno. */
int store_record_read(const struct store *store, uint64_t holder,
		      struct record *ret_record);
/* Whole, in place of one that may be there. */
int store_record_write(const struct store *store, const struct record *record,
		       struct cni_error *err);
int store_record_remove(const struct store *store, uint64_t holder,
			struct cni_error *err);

/* Gives the hashes that records are named by, one a call. STORE_NEXT; 0: no more. */
struct record_walk {
	void *dir;
};
int store_record_next(const struct store *store, struct record_walk *walk,
		      uint64_t *ret_holder, struct cni_error *err);
void record_walk_end(struct record_walk *walk);

/*
 * Hands each record to @fn, with the hash that its file is named by; torn ones and those of a
 * newer version are passed over. @fn may move the record away and leave it zeroed. Where @fn
 * returns something else than 0, the walk ends and returns it.
 */
int store_record_each(const struct store *store,
		      int (*fn)(struct record *record, uint64_t holder, void *data,
				struct cni_error *err),
		      void *data, struct cni_error *err);

/*
 * For the files of ipam/ that write into the store: code 5, "can't @what @dir/@name:
 * ..." with what helps against @errnum in the details. @name NULL: @dir itself.
 */
int store_file_error(const char *dir, const char *name, int errnum, const char *what,
		     struct cni_error *err);

#endif
