/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store of reservations and records, and the disk that it is on. */
#include <errno.h>
#include <linux/magic.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "checks.h"
#include "finding.h"

#define FULL_PERCENT 90 /* of a range: nearly full */
#define DISK_PERCENT 95

static int ip_order(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

/* Tells of two records that name one address. */
static void doubles_look(struct doctor *doctor, const struct network_facts *facts)
{
	const struct ipam_view *view = &facts->view;
	_cleanup_(free_p) struct ip_addr *all = NULL;
	size_t n = 0;

	for (size_t i = 0; i < view->records.n; i++)
		n += view->records.items[i].record.n;
	all = calloc(n + 1, sizeof(*all));
	if (!all) {
		doctor->out_of_memory = true;
		return;
	}
	n = 0;
	for (size_t i = 0; i < view->records.n; i++)
		for (size_t k = 0; k < view->records.items[i].record.n; k++)
			all[n++] =
				view->records.items[i].record.addresses[k].address.addr;
	qsort(all, n, sizeof(*all), ip_order);
	for (size_t i = 1; i < n; i++) {
		if (!ip_equal(&all[i], &all[i - 1]))
			continue;
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s is the address of two attachments", IP_TEXT(&all[i]));
		doctor_advise(doctor,
			      "delete one of the pods that `bridge-cni show %s` "
			      "names",
			      IP_TEXT(&all[i]));
	}
}

static void unreadable_tell(struct doctor *doctor, const char *what, int errnum)
{
	struct cni_error err = {};

	if (!errnum)
		return;
	error_errno(&err, CNI_ERR_IO, errnum, "reading them");
	doctor_unseen(doctor, what, &err);
}

static bool set_has(const struct range_set *set, const struct ip_addr *addr)
{
	for (size_t i = 0; i < set->n; i++)
		if (ip_cmp(addr, &set->ranges[i].start) >= 0 &&
		    ip_cmp(addr, &set->ranges[i].end) <= 0)
			return true;
	return false;
}

static void unreserved_look(struct doctor *doctor, const struct network_facts *facts,
			    const struct shown_pod *pod)
{
	const struct range_set_list *sets = &facts->net->network->ipam.sets;

	for (size_t i = 0; i < pod->addresses_n; i++) {
		const struct ip_addr *addr = &pod->addresses[i].addr;
		bool is_of_range = false;

		for (size_t k = 0; k < sets->n; k++)
			is_of_range |= set_has(&sets->items[k], addr);
		if (!is_of_range || ipam_view_count(&facts->view, addr, addr) > 0)
			continue;
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s of pod %s has no reservation any more: another pod may "
			    "get it",
			    IP_TEXT(addr), pod->pod[0] ? pod->pod : pod->container_id);
		doctor_advise(doctor, "delete the pod");
	}
}

/* Tells of connected pods whose record, or a reservation, is missing in the store.
 * Records that can't be read are told elsewhere. */
static void lost_look(struct doctor *doctor, const struct network_facts *facts)
{
	const struct ipam_view *view = &facts->view;

	if (view->records_errnum || view->reservations_errnum)
		return;
	for (size_t i = 0; i < facts->pods.n; i++) {
		const struct shown_pod *pod = &facts->pods.items[i];

		if (pod->state != IPAM_VIEW_CONNECTED)
			continue;
		if (pod->recorded) {
			unreserved_look(doctor, facts, pod);
		} else if (view->torn + view->newer + view->unreadable == 0) {
			doctor_tell(doctor, DOCTOR_PROBLEM,
				    "%s, the interface of container %s, has no record%s",
				    pod->host_ifname, pod->container_id,
				    pod->addresses_n == 0
					    ? " and no reservation: another pod may get "
					      "its address"
					    : ": `bridge-cni repair` doesn't know it");
			doctor_advise(doctor, "delete its pod");
		}
	}
}

void store_check(struct doctor *doctor, const struct network_facts *facts)
{
	const struct ipam_view *view = &facts->view;
	const char *dir = facts->net->ipam_env.data_dir,
		   *name = facts->net->network->name;
	size_t dead = 0;

	unreadable_tell(doctor, "records", view->records_errnum);
	unreadable_tell(doctor, "reservations", view->reservations_errnum);
	if (view->torn + view->unreadable > 0) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/.bridge-cni/%s", dir, name);
		doctor_tell(doctor, DOCTOR_WARNING,
			    "%zu record%s in %s damaged, or can't be read",
			    view->torn + view->unreadable,
			    view->torn + view->unreadable == 1 ? " is" : "s are", path);
		doctor_advise(doctor,
			      "delete the pods whose records they are, and the files p-* "
			      "there that have no text of a record");
	}
	if (view->newer > 0) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "%zu record%s of a newer version of this program",
			    view->newer, view->newer == 1 ? " is" : "s are");
		doctor_advise(doctor, "install that version again");
	}
	for (size_t i = 0; i < view->records.n; i++)
		dead += view->records.items[i].state == IPAM_VIEW_DEAD;
	if (dead > 0)
		doctor_tell(
			doctor, DOCTOR_OK,
			"%zu attachment%s dead; an ADD that needs the addresses takes "
			"them back",
			dead, dead == 1 ? " is" : "s are");
	doubles_look(doctor, facts);
	lost_look(doctor, facts);
}

/* Tells of addresses of dead attachments, which an ADD that needs them takes back. */
static uint64_t dead_count(const struct ipam_view *view, const struct range_set *set)
{
	uint64_t n = 0;

	for (size_t i = 0; i < view->records.n; i++) {
		const struct ipam_view_record *item = &view->records.items[i];

		for (size_t k = 0; item->state == IPAM_VIEW_DEAD && k < item->record.n;
		     k++) {
			const struct ip_addr *addr =
				&item->record.addresses[k].address.addr;

			if (set_has(set, addr))
				n += ipam_view_count(view, addr, addr);
		}
	}
	return n;
}

void addresses_check(struct doctor *doctor, const struct network_facts *facts)
{
	const struct range_set_list *sets = &facts->net->network->ipam.sets;

	for (size_t i = 0; i < sets->n; i++) {
		const struct range_set_facts *set = &facts->sets[i];
		uint64_t usable = set->size - set->excluded;
		uint64_t dead = dead_count(&facts->view, &sets->items[i]);
		uint64_t used = set->used - (dead < set->used ? dead : set->used);

		if (set->size == SHOWN_MAX || set->excluded > set->size ||
		    used * 100 < usable * FULL_PERCENT)
			continue;
		doctor_tell(doctor,
			    set->free + dead == 0 ? DOCTOR_PROBLEM : DOCTOR_WARNING,
			    "%llu of %llu addresses of the range set with %s are in use",
			    (unsigned long long)used, (unsigned long long)usable,
			    PREFIX_TEXT(&sets->items[i].ranges[0].subnet));
		doctor_advise(doctor,
			      "widen ipam.ranges; `bridge-cni show` says who holds "
			      "them");
	}
}

/* Gives the directory, or the nearest one above it that is there. */
static int existing(const char *path, char ret_path[PATH_MAX])
{
	size_t len = strlen(path);

	if (len == 0 || len >= PATH_MAX || path[0] != '/')
		return -EINVAL;
	memcpy(ret_path, path, len + 1);
	while (access(ret_path, F_OK) < 0 && len > 1) {
		char *slash = strrchr(ret_path, '/');

		len = slash == ret_path ? 1 : (size_t)(slash - ret_path);
		ret_path[len] = '\0';
	}
	return 0;
}

static void disk_look(struct doctor *doctor, const char *data_dir)
{
	char path[PATH_MAX];
	struct statvfs fs;
	struct statfs kind;
	bool is_full;

	if (existing(data_dir, path) < 0 || statvfs(path, &fs) < 0 ||
	    statfs(path, &kind) < 0)
		return;
	is_full = fs.f_bavail == 0 || (fs.f_files > 0 && fs.f_favail == 0);
	if (fs.f_flag & ST_RDONLY) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s, for the store, is on a read-only file system", data_dir);
		doctor_advise(doctor, "mount it to be written, or set ipam.dataDir to "
				      "another place");
	} else if (is_full ||
		   (fs.f_blocks - fs.f_bfree) * 100 >=
			   (fs.f_blocks - fs.f_bfree + fs.f_bavail) * DISK_PERCENT) {
		doctor_tell(doctor, is_full ? DOCTOR_PROBLEM : DOCTOR_WARNING,
			    "the file system with the store %s is %s", data_dir,
			    is_full ? "full: an ADD can't write down its addresses"
				    : "nearly full");
		doctor_advise(doctor,
			      "remove files there, or set ipam.dataDir to another "
			      "place");
	} else if (kind.f_type == TMPFS_MAGIC || kind.f_type == RAMFS_MAGIC) {
		doctor_tell(
			doctor, DOCTOR_OK,
			"%s, the store, is in memory: a boot empties it, as it ends the "
			"pods",
			data_dir);
	}
}

void disk_check(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->networks.n; i++) {
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen |= strcmp(doctor->networks.items[i].data_dir,
				       doctor->networks.items[k].data_dir) == 0;
		if (!seen)
			disk_look(doctor, doctor->networks.items[i].data_dir);
	}
}
