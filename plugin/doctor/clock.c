/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Times and boot IDs of records that can't be right. A record of another boot is one of a
 * pod that is no more (ipam/store/rebuild.c), which is wrong where the other boot is that
 * of another node.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "checks.h"
#include "finding.h"

#define SECONDS_OFF 300 /* clocks are put right by so much without harm */

static int64_t now_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec;
}

/* Attachments whose times are wrong in the same way. */
struct wrong {
	size_t n;
	const struct record *one;
};

static void wrong_add(struct wrong *wrong, const struct record *record)
{
	wrong->n++;
	wrong->one = record;
}

static void future_tell(struct doctor *doctor, const struct wrong *wrong)
{
	doctor_tell(
		doctor, DOCTOR_WARNING,
		"%zu attachment%s made in the future by the clock of now, as the one of "
		"container %s",
		wrong->n, wrong->n == 1 ? " was" : "s were", wrong->one->container_id);
	doctor_advise(doctor,
		      "set the node's clock, by NTP for example; where it is right now, "
		      "nothing but the times that `bridge-cni show` says is wrong, until "
		      "these pods are deleted");
}

static void elsewhere_tell(struct doctor *doctor, const struct network_facts *facts,
			   const struct wrong *wrong)
{
	doctor_tell(
		doctor, DOCTOR_WARNING,
		"%zu attachment%s of another boot, as the one of container %s, though "
		"this boot began earlier: another node may use the store %s, too, and "
		"each takes the other's pods for dead",
		wrong->n, wrong->n == 1 ? " is" : "s are", wrong->one->container_id,
		facts->net->ipam_env.data_dir);
	doctor_advise(doctor,
		      "set ipam.dataDir to a directory that no other node has; where "
		      "no other node has this one, set the node's clock");
}

void clock_check(struct doctor *doctor, const struct network_facts *facts)
{
	const char *boot = facts->net->op->kernel.boot_id;
	int64_t now = now_of(CLOCK_REALTIME), began = now - now_of(CLOCK_BOOTTIME);
	struct wrong future = {}, elsewhere = {}, early = {};

	for (size_t i = 0; i < facts->view.records.n; i++) {
		const struct ipam_view_record *item = &facts->view.records.items[i];
		const struct record *record = &item->record;
		bool is_ours = strcmp(record->boot, boot) == 0;

		if (!item->since || !boot[0] || !record->boot[0])
			continue;
		if (item->since > now + SECONDS_OFF)
			wrong_add(&future, record);
		else if (!is_ours && item->since > began + SECONDS_OFF)
			wrong_add(&elsewhere, record);
		else if (is_ours && item->since < began - SECONDS_OFF)
			wrong_add(&early, record);
	}
	if (future.n)
		future_tell(doctor, &future);
	if (elsewhere.n)
		elsewhere_tell(doctor, facts, &elsewhere);
	/* As on a node without a battery: the clock was set once pods were there. */
	if (early.n)
		doctor_tell(
			doctor, DOCTOR_OK,
			"%zu attachment%s made before this boot by the clock, which "
			"was set meanwhile; only the times that `bridge-cni show` says "
			"are wrong",
			early.n, early.n == 1 ? " was" : "s were");
}

void boot_check(struct doctor *doctor)
{
	struct kernel kernel;

	kernel_boot_only(&kernel);
	if (kernel.boot_id[0])
		return;
	doctor_tell(
		doctor, DOCTOR_WARNING,
		"/proc/sys/kernel/random/boot_id can't be read: the addresses of pods "
		"that a boot has ended aren't given back");
	doctor_advise(doctor, "mount /proc so that it can be read");
}
