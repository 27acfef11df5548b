/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judges by the record, by the reservations that were found, and by the kernel. */
#include "view_state.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ipam/store/store.h"
#include "liveness.h"

#define ADD_SECONDS 10 /* an ADD takes milliseconds; the store's lock may take as long */
#define NO_FILE	    (-1)

/* Says how many seconds ago the record was written; NO_FILE: it is gone. */
static int64_t record_age(const struct store *store, const struct record *record)
{
	char name[RECORD_NAME_MAX];
	struct stat st;
	int64_t age;

	record_name(holder_hash(record->container_id, record->ifname), name);
	if (fstatat(store->own_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return NO_FILE;
	age = time(NULL) - st.st_mtim.tv_sec;
	return age > 0 ? age : 0;
}

bool view_record_is_gone(const struct store *store, const struct record *record)
{
	return record_age(store, record) == NO_FILE;
}

enum ipam_view_state view_state(const struct store *store, const struct ipam_env *env,
				const struct record *record,
				const struct view_reservations *reservations)
{
	const struct ipam_kernel *kernel = env->kernel;

	if (record->going)
		return IPAM_VIEW_GOING;
	if (record->coming)
		return IPAM_VIEW_COMING;
	if (kernel && kernel->has_interface && kernel->has_interface(kernel, record))
		return IPAM_VIEW_CONNECTED;
	/* Nothing outlives its boot. */
	if (kernel && kernel->boot_id[0] && record->boot[0] &&
	    strcmp(kernel->boot_id, record->boot) != 0)
		return IPAM_VIEW_DEAD;
	/* Reservations that can't be read may be there. */
	if (!reservations->seen)
		return IPAM_VIEW_DETACHED;
	switch (liveness_judge(env, record, reservations->covers, reservations->holds)) {
	case IPAM_ALIVE:
		break;
	case IPAM_RELEASED:
		/* An ADD writes its record before it takes the addresses. */
		return record_age(store, record) < ADD_SECONDS ? IPAM_VIEW_DETACHED
							       : IPAM_VIEW_DEAD;
	case IPAM_STALE:
		return IPAM_VIEW_DEAD;
	}
	return IPAM_VIEW_DETACHED;
}
