/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of the store of one network. Those that host-local of
 * containernetworking/plugins keeps are byte for byte as it writes them
 * (plugins/ipam/host-local/backend/disk), so that both programs can work on one store at
 * once. The others stand apart, where host-local never looks:
 *
 *	<dataDir>/<network>/<ip>		"<containerID>\r\n<ifname>"
 *	<dataDir>/<network>/last_reserved_ip.<n>
 *						an address; <n>: index of the range set
 *	<dataDir>/<network>/lock		flock()ed by whoever works on the store
 *	<dataDir>/.bridge-cni/<network>/p-…	a record for each attachment: record.h
 *	<dataDir>/.bridge-cni/<network>/index	what the directory holds: index.h
 *	<dataDir>/.bridge-cni/<network>/gateways
 *						ipam_gateway_add() writes it
 *	<dataDir>/.bridge-cni/<network>/others	ipam_note_others() makes it
 *	<dataDir>/.bridge-cni/<network>/.network-<bridge>
 *						ipam_note_owner() writes it
 *	<dataDir>/.bridge-cni/<network>/.…	files that are being written
 *
 * All functions work with the lock held, from store_open() to store_close(); those that
 * only read work without it as well (STORE_LOOK). Errors of
 * system calls are code 5 and name the file, the errno and what helps. allocator.h says
 * which address is next.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_STORE_H
#define BRIDGE_CNI_IPAM_STORE_STORE_H

#include <net/if.h>

#include "conf/base/flock.h"
#include "conf/names.h"
#include "conf/network.h"
#include "record.h"
#include "table.h"

#define STORE_LOCK_FILE	   "lock"
#define STORE_LOCK_WAIT_MS 10000 /* host-local holds it for milliseconds */
#define STORE_LAST_PREFIX  "last_reserved_ip."
#define STORE_GATEWAYS	   "gateways"
#define STORE_OTHERS	   "others"

/* A file beside the records that is being written. A fixed name suffices, as only the
 * lock's holder writes. */
#define STORE_ASIDE_FILE ".record"

/* With these flags no link is followed and nothing blocks, whatever stands there. */
#define STORE_OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* Room for "<containerID>\r\n<ifname>" with the NUL. */
#define HOLDER_TEXT_MAX (CNI_NAME_MAX + 2 + IF_NAMESIZE)

/* Whoever has a reservation: an attachment, by its names, which are borrowed. */
struct holder {
	const char *container_id, *ifname;
};

/* How a reservation's text relates to a holder. */
enum holder_match {
	HOLDER_OTHER,
	HOLDER_EXACT,
	HOLDER_OLD, /* the container ID alone, as old versions of host-local wrote */
};

/* The text of a reservation's file, any bytes, without white space and NULs at both ends.
 * An empty one, as a power cut leaves it, names nobody. */
struct holder_text {
	size_t len;
	char text[HOLDER_TEXT_MAX + 64]; /* a file that has more is no reservation */
};

struct store {
	char *path; /* <dataDir>/<network>, for messages */
	char *own_path; /* <dataDir>/.bridge-cni/<network> */
	const char *network; /* borrowed */
	int dir_fd, own_fd, lock_fd; /* -1: not there; a directory is locked instead */
	unsigned int asides; /* so many reservations, from number 0, are written aside */
	struct table table; /* index.h */
	bool own_made; /* the directory of our own files is new */
	/* STORE_LOOK: that directory is there, but can't be opened, for this reason; 0 */
	int own_errnum;
	bool spoilt; /* the index turned out wrong and is not saved */
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
	/* Make nothing and take no lock: each file is whole, but files may come and go
	 * meanwhile, as from one moment to the next. For readers. */
	STORE_LOOK,
};

/*
 * Opens the store of @network and takes its lock. Where that is not free within @wait_ms
 * milliseconds, code 11 names the lock file. STORE_ABSENT is given with STORE_EXISTING
 * and STORE_LOOK only. @network must outlive the store.
 */
int store_open(const char *data_dir, const char *network, enum store_mode mode,
	       unsigned int wait_ms, struct store *ret_store, struct cni_error *err);

/* The same, which tells of a wait as flock_wait_telling() does. */
int store_open_telling(const char *data_dir, const char *network, enum store_mode mode,
		       unsigned int wait_ms, flock_tell_fn tell, struct store *ret_store,
		       struct cni_error *err);

/* Gives the lock back and frees. The store may be closed already. */
void store_close(struct store *store);
#define STORE_CLOSED \
	((struct store){.dir_fd = -1, .own_fd = -1, .lock_fd = -1, .table = {.fd = -1}})

/* Makes and opens the directory of our own files where there is none yet. */
int store_make_own(struct store *store, struct cni_error *err);

/* Writes a file beside the records, whole, in place of one that may be there. Code 5. */
int store_file_write(const struct store *store, const char *name, const char *text,
		     struct cni_error *err);

/*
 * Writes reservation number @n aside, ready for store_place(). So a reservation that
 * appears is whole whatever happens. @ret_mark is its mark, also once it is in place.
 */
int store_prepare(struct store *store, unsigned int n, const struct holder *holder,
		  struct file_mark *ret_mark, struct cni_error *err);

/* Puts reservation number @n in place. The highest number comes first. STORE_TAKEN:
 * nothing was done. */
int store_place(struct store *store, unsigned int n, const struct ip_addr *ip,
		struct cni_error *err);

/* Takes a reservation away. None there is success. */
int store_remove(const struct store *store, const struct ip_addr *ip,
		 struct cni_error *err);

/* Removes the reservations that this process wrote aside. */
void store_discard(struct store *store);

/* Removes all that is written aside, also by a process that was killed. */
void store_tidy(const struct store *store);

/* Reads who holds an address. -ENOENT: nobody; -EFBIG: something stands there that is no
 * reservation (too long, a link, a directory); another -errno: that can't be known. */
int store_holder_of(const struct store *store, const struct ip_addr *ip,
		    struct holder_text *ret_text);

/* How the text of a reservation relates to @holder. */
enum holder_match holder_match(const struct holder_text *text,
			       const struct holder *holder);

/* holder_hash() of the holder that the text names. */
uint64_t holder_text_hash(const struct holder_text *text);

/* The text for messages, "<containerID>/<ifname>", unprintable bytes as
 * '?'; returns @buf. */
const char *holder_format(const struct holder_text *text, char buf[HOLDER_TEXT_MAX]);
#define HOLDER_TEXT(text) holder_format((text), (char[HOLDER_TEXT_MAX]){})

/* The file last_reserved_ip.<set>, kept open from reading to writing. */
struct last_file {
	int fd; /* -1: it has to be made */
	size_t len; /* of its text */
	struct ip_addr ip; /* family 0: missing, or not an address */
};
#define LAST_CLOSED ((struct last_file){.fd = -1})

/* Opens and reads the file of range set number @set; last_close() closes it. */
void store_last_get(const struct store *store, size_t set, struct last_file *ret_last);

/* Writes @ip into it, and makes it where it is missing. Code 5. */
int store_last_put(const struct store *store, size_t set, struct last_file *last,
		   const struct ip_addr *ip, struct cni_error *err);
static inline void last_close(struct last_file *last)
{
	close_p(&last->fd);
}

/*
 * Reads a holder's record, by the hash of its names. -ENOENT: there is none; -EBADMSG: it
 * is torn; -ENOTSUP: a newer version wrote it; another -errno: it can't be read.
 */
int store_record_read(const struct store *store, uint64_t holder,
		      struct record *ret_record);

/* Writes a record, whole, in place of one that may be there. */
int store_record_write(const struct store *store, const struct record *record,
		       struct cni_error *err);

/* Removes a holder's record. None there is success. */
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
 * Hands each record to @fn, with the hash that its file is named by; torn ones and those
 * of a newer version are passed over. @fn may move the record away and leave it zeroed.
 * Where @fn returns something else than 0, the walk ends and returns it.
 */
int store_record_each(const struct store *store,
		      int (*fn)(struct record *record, uint64_t holder, void *data,
				struct cni_error *err),
		      void *data, struct cni_error *err);

/*
 * Sets code 5, "can't @what @dir/@name: ...", with what helps against @errnum in the
 * details. @name NULL: @dir itself is meant. Returns -@errnum. Also for the files of
 * ipam/ that write into the store.
 */
int store_file_error(const char *dir, const char *name, int errnum, const char *what,
		     struct cni_error *err);

#endif
