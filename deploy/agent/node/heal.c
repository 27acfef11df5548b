/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a fingerprint is taken, when a repair is run, and what follows from its end. */
#include "heal.h"

#include <stdio.h>
#include <string.h>

#include "plugin/stage/forwarding.h"
#include "conf/base/clock.h"
#include "conf/identity.h"
#include "hand_over.h"
#include "plugin_job.h"
#include "plugin/netlink/link.h"

#define FINGERPRINT_MS 1000
#define AGAIN_MS       1000 /* after a repair that has mended something */
#define RETRY_MS       2000 /* after a failed repair; then twice as long each time */
#define RETRY_MAX_MS   60000
#define NOTICE	       "bridge-cni: "
#define QUOTED_LINES   8 /* of a repair's output, in the log */

static int take_fingerprint(struct heal *heal, struct fingerprint *ret_now)
{
	struct fingerprint_of of = {
		.bridge = heal->conflist->names.bridge,
		.gateway = heal->conflist->gateway_ifname,
		.fast_path = heal->conflist->fast_path,
	};
	struct cni_error err = {};
	int ret = 0;

	if (heal->conflist->isolate && !heal->vlans_known)
		ret = fingerprint_vlans(heal->rtnl, &heal->vlans, &err);
	if (ret == 0 && heal->conflist->isolate) {
		heal->vlans_known = true;
		of.vlans = heal->vlans;
	}
	if (ret == 0)
		ret = fingerprint_take(heal->rtnl, heal->nft, &of, ret_now, &err);

	if (ret < 0)
		log_error_once(heal->log, &heal->look_error,
			       "looking at the node has failed", &err);
	else
		heal->look_error = 0;
	return ret;
}

/* A repair is due at that time, if not before. */
static void repair_at(struct heal *heal, int64_t at)
{
	heal->due_at = heal->due && heal->due_at < at ? heal->due_at : at;
	heal->due = true;
}

void heal_begin(struct heal *heal)
{
	int64_t now = now_ms();

	heal->begun = true;
	heal->fingerprint_at = now + FINGERPRINT_MS;
	heal->failed = 0;
	repair_at(heal, now);
}

void heal_links_changed(struct heal *heal)
{
	heal->vlans_known = false;
}

int64_t heal_next(const struct heal *heal, const struct job *job)
{
	if (!heal->begun)
		return INT64_MAX;
	return heal->due && !job->pid && heal->due_at < heal->fingerprint_at
		       ? heal->due_at
		       : heal->fingerprint_at;
}

/* Logs that the uplink doesn't forward, once, and again when it did meanwhile. Turning it
 * on is the administrator's decision. */
static void check_uplink(struct heal *heal)
{
	_cleanup_(link_list_clear) struct link_list list = {};
	struct link closed = {};

	if (forwarding_closed_uplinks(heal->rtnl, &list, NULL) < 0)
		return;
	if (list.n > 0)
		closed = list.items[0];
	if (closed.index && closed.index != heal->closed_uplink)
		log_write(
			heal->log, LOG_LEVEL_WARN,
			"the uplink doesn't forward: what comes back to pods is dropped",
			"expected", FORWARDING_NAME(closed.name), "value", "1", NULL);
	heal->closed_uplink = closed.index;
}

/* Takes a fingerprint and compares it with that behind the last repair. Where that has
 * failed, which may be for something else, the next one comes at once. */
static void compare(struct heal *heal, int64_t now)
{
	struct fingerprint seen;

	heal->fingerprint_at = now + FINGERPRINT_MS;
	/* A repair that is running sees to what has changed. */
	if (heal->running || !heal->known || take_fingerprint(heal, &seen) < 0)
		return;
	if (seen.ipv4)
		check_uplink(heal);
	for (int i = 0; i < FINGERPRINT_PARTS; i++) {
		if (seen.parts[i] == heal->last.parts[i])
			continue;
		heal->differed[i]++;
		log_write(heal->log, LOG_LEVEL_DEBUG, "this is not as it was", "what",
			  fingerprint_part_names[i], NULL);
		repair_at(heal, now);
	}
}

void heal_tick(struct heal *heal, struct job *job)
{
	const struct options *options = heal->options;
	int64_t now = now_ms();
	struct cni_error err = {};

	if (!heal->begun)
		return;
	if (now >= heal->fingerprint_at)
		compare(heal, now);
	if (now >= heal->periodic_at) {
		heal->periodic_at = now + (int64_t)options->resync_seconds * 1000;
		repair_at(heal, now);
	}
	if (!heal->due || now < heal->due_at || job->pid)
		return;
	heal->due = false;
	heal->running = true;
	heal->runs++;
	(void)take_fingerprint(heal, &heal->before);
	if (plugin_job_start(job, options, "repair", NULL, options->conf_dir,
			     options->conflist, &err) == 0)
		return;
	heal_ended(heal, -1, err.msg);
}

/* A notice comes again with each repair, such as that a logFile of the configuration
 * isn't mounted here. */
static void tell_notice(struct heal *heal, const char *line)
{
	uint64_t hash = hash_text(line);

	for (size_t i = 0; i < HEAL_NOTICES; i++)
		if (heal->notices[i] == hash)
			return;
	heal->notices[heal->notices_logged++ % HEAL_NOTICES] = hash;
	log_write(heal->log, LOG_LEVEL_WARN, "bridge-cni repair has a notice", "notice",
		  line, NULL);
}

/* Logs what a repair has mended: the lines about a network ("pods: ..."), which
 * "nothing to mend" is not, and those on standard error, which name the program, neither.
 * True: there was one. */
static bool log_mended(struct heal *heal, char *output)
{
	unsigned int quoted = 0;
	char *rest = NULL;

	for (char *line = strtok_r(output, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, NOTICE, strlen(NOTICE)) == 0) {
			tell_notice(heal, line + strlen(NOTICE));
			continue;
		}
		if (!strstr(line, ": "))
			continue;
		heal->mended++;
		if (quoted++ < QUOTED_LINES)
			log_write(heal->log, LOG_LEVEL_INFO, "mended", "what", line,
				  NULL);
	}
	return quoted > 0;
}

/* A first failure may be of a lock that was taken, and is tried again soon. One that comes
 * again is an error, which is told once; /readyz goes on saying it. */
static enum log_level failure_level(struct heal *heal, const char *output)
{
	uint64_t hash = hash_text(output);

	if (!heal->failed)
		return LOG_LEVEL_WARN;
	if (hash == heal->failure_told)
		return LOG_LEVEL_DEBUG;
	heal->failure_told = hash;
	return LOG_LEVEL_ERROR;
}

void heal_ended(struct heal *heal, int status, char *output)
{
	int64_t now = now_ms(), wait = RETRY_MS;
	char text[16];

	heal->running = false;
	if (status == 0) {
		bool mended = log_mended(heal, output);

		heal->failed = 0;
		heal->failure_told = 0;
		heal->known = true;
		/* A change while the repair ran may have come too late for it. */
		if (take_fingerprint(heal, &heal->last) < 0 || mended ||
		    memcmp(heal->last.parts, heal->before.parts,
			   sizeof(heal->last.parts)) != 0)
			repair_at(heal, now + AGAIN_MS);
		return;
	}
	snprintf(text, sizeof(text), "%d", status);
	log_write(heal->log, failure_level(heal, output), "bridge-cni repair has failed",
		  "status", text, "output", output, NULL);
	for (unsigned int i = 0; i < heal->failed && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	heal->failed++;
	heal->failures++;
	heal->known = take_fingerprint(heal, &heal->last) == 0;
	repair_at(heal, now + wait);
}

void heal_end(struct heal *heal)
{
	struct cni_error err = {};
	size_t n = 0;

	if (!heal->begun)
		return;
	if (hand_over(heal->rtnl, heal->conflist->names.bridge, &n, &err) < 0)
		log_error(heal->log, "permanent neighbours of pods may stay", &err);
	else if (n > 0)
		log_write(heal->log, LOG_LEVEL_INFO,
			  "pods' permanent neighbours are ordinary ones until an agent "
			  "starts",
			  NULL);
}
