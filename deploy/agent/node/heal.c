/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When to look, when to run it, what came of it. */
#include "heal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "plugin/stage/forwarding.h"
#include "plugin/node/sysctl.h"
#include "deploy/agent/base/clock.h"

#define LOOK_MS	     1000
#define AGAIN_MS     1000 /* after one that did something */
#define RETRY_MS     2000 /* after a failed repair, then twice as long each time */
#define RETRY_MAX_MS 60000
#define QUOTED_LINES 8 /* of a repair's words, in the log */

static int look_now(struct heal *heal, struct look *ret_look)
{
	struct cni_error err = {};
	int r = look_take(heal->rtnl, heal->nft, heal->options->bridge, ret_look, &err);

	if (r < 0)
		log_error(heal->log, "looking at the node has failed", &err);
	return r;
}

static void want(struct heal *heal, int64_t at)
{
	heal->due_at = heal->due && heal->due_at < at ? heal->due_at : at;
	heal->due = true;
}

void heal_begin(struct heal *heal)
{
	int64_t now = now_ms();

	heal->begun = true;
	heal->look_at = now + LOOK_MS;
	heal->failed = 0;
	want(heal, now);
}

int64_t heal_next(const struct heal *heal, const struct job *job)
{
	if (!heal->begun)
		return INT64_MAX;
	return heal->due && !job->pid && heal->due_at < heal->look_at ? heal->due_at
								      : heal->look_at;
}

/* Said once, and again when it was right meanwhile. It is not the agent's to turn on. */
static void tell_uplink(struct heal *heal)
{
	struct cni_error err = {};
	struct link closed;

	if (forwarding_closed_uplink(heal->rtnl, &closed, &err) < 0)
		return;
	if (closed.index && closed.index != heal->closed_uplink)
		log_write(
			heal->log, LOG_LEVEL_WARN,
			"the uplink doesn't forward: what comes back to pods is dropped",
			"expected", FORWARDING_NAME(closed.name), "value", "1", NULL);
	heal->closed_uplink = closed.index;
}

static void look(struct heal *heal, int64_t now)
{
	struct look seen;

	heal->look_at = now + LOOK_MS;
	if (heal->running || heal->failed || !heal->known || look_now(heal, &seen) < 0)
		return; /* it is being seen to */
	if (seen.ipv4)
		tell_uplink(heal);
	for (int i = 0; i < LOOKS; i++) {
		if (seen.seen[i] == heal->good.seen[i])
			continue;
		heal->differed[i]++;
		log_write(heal->log, LOG_LEVEL_DEBUG, "this is not as it was", "what",
			  look_names[i], NULL);
		want(heal, now);
	}
}

/* What bridge-cni gets: nothing of ours but where it may write kernel parameters. */
static int start(struct heal *heal, struct job *job, struct cni_error *err)
{
	const struct options *options = heal->options;
	char program[PATH_MAX], conflist[PATH_MAX], sysctl[PATH_MAX];

	if (snprintf(program, PATH_MAX, "%s/bridge-cni", options->bundle) >= PATH_MAX ||
	    snprintf(conflist, PATH_MAX, "%s/%s", options->conf_dir, options->conflist) >=
		    PATH_MAX ||
	    snprintf(sysctl, PATH_MAX, SYSCTL_ROOT_ENV "=%s", options->sysctl_root) >=
		    PATH_MAX)
		return error_set(err, CNI_ERR_ENVIRONMENT, ENAMETOOLONG,
				 "a path is too long");
	return job_start(job, (char *[]){program, "repair", conflist, NULL},
			 (char *[]){sysctl, NULL}, "", err);
}

void heal_tick(struct heal *heal, struct job *job)
{
	int64_t now = now_ms();
	struct cni_error err = {};

	if (!heal->begun)
		return;
	if (now >= heal->look_at)
		look(heal, now);
	if (now >= heal->periodic_at) {
		heal->periodic_at = now + (int64_t)heal->options->resync_seconds * 1000;
		want(heal, now);
	}
	if (!heal->due || now < heal->due_at || job->pid)
		return;
	heal->due = false;
	heal->running = true;
	heal->runs++;
	(void)look_now(heal, &heal->before);
	if (start(heal, job, &err) == 0)
		return;
	heal_ended(heal, -1, err.msg);
}

/* Lines about a network ("pods: ..."); "nothing to mend" is none of them. */
static bool tell(struct heal *heal, char *output)
{
	unsigned int quoted = 0;
	char *rest = NULL;

	for (char *line = strtok_r(output, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (!strstr(line, ": "))
			continue;
		heal->mended++;
		if (quoted++ < QUOTED_LINES)
			log_write(heal->log, LOG_LEVEL_INFO, "mended", "what", line,
				  NULL);
	}
	return quoted > 0;
}

void heal_ended(struct heal *heal, int status, char *output)
{
	int64_t now = now_ms(), wait = RETRY_MS;
	char text[16];

	heal->running = false;
	if (status == 0) {
		bool mended = tell(heal, output);

		heal->failed = 0;
		heal->known = true;
		/* What happened while it ran may have come too late for it. */
		if (look_now(heal, &heal->good) < 0 || mended ||
		    memcmp(heal->good.seen, heal->before.seen, sizeof(heal->good.seen)) !=
			    0)
			want(heal, now + AGAIN_MS);
		return;
	}
	snprintf(text, sizeof(text), "%d", status);
	log_write(heal->log, LOG_LEVEL_ERROR, "bridge-cni repair has failed", "status",
		  text, "output", output, NULL);
	for (unsigned int i = 0; i < heal->failed && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	heal->failed++;
	heal->failures++;
	want(heal, now + wait);
}
