/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times are by now_ms(). */
#include "contact.h"

#include "conf/base/clock.h"

#define GOOD_MS	 5000 /* a watch that has gone on for so long was not refused */
#define QUIET_MS 5000 /* failures of a time so short are nobody's business */

void contact_init(struct contact *contact, const struct log *log,
		  unsigned int retry_max_ms)
{
	*contact = (struct contact){
		.log = log,
		.retry.max_ms = retry_max_ms,
		.heard = now_ms(),
	};
}

void contact_begin(struct contact *contact)
{
	contact->started = now_ms();
	contact->answered = 0;
	contact->is_first = false;
}

void contact_head(struct contact *contact, long status)
{
	if (status != 200 && status != 410)
		return;
	contact_bytes(contact);
	if (contact->answered)
		return;
	contact->answered = contact->heard;
	contact->is_first = contact->away != CONTACT_FINE;
	if (contact->away == CONTACT_SILENT)
		contact_whole(contact);
}

void contact_bytes(struct contact *contact)
{
	contact->heard = now_ms();
}

int64_t contact_heard_ms(const struct contact *contact)
{
	return contact->heard;
}

bool contact_has_lasted(const struct contact *contact)
{
	return contact->answered && now_ms() - contact->answered >= GOOD_MS;
}

bool contact_is_overdue(const struct contact *contact)
{
	return !contact->answered &&
	       now_ms() - contact->started >= CONTACT_STALL_SECONDS * 1000;
}

void contact_whole(struct contact *contact)
{
	if (contact->away != CONTACT_FINE)
		log_write(contact->log, LOG_LEVEL_INFO, "the API server answers again",
			  NULL);
	contact->away = CONTACT_FINE;
}

void contact_good(struct contact *contact)
{
	contact_whole(contact);
	contact->retry.failed = 0;
}

unsigned int contact_failed(struct contact *contact, const char *msg,
			    struct cni_error *err, bool too_old, int64_t wished_seconds)
{
	int64_t now = now_ms();
	bool is_young;

	/* A server that was away for long has forgotten our resource version when it is
	 * back: the list is asked for soon. */
	if (too_old && contact->is_first)
		contact_good(contact);
	if (contact->retry.failed == 0)
		contact->failing_since = contact->answered ? now : contact->started;
	is_young = now - contact->failing_since < QUIET_MS;
	log_error_at(contact->log, is_young ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, msg, err);
	if (!too_old)
		contact->away = contact->answered ? CONTACT_BROKEN : CONTACT_SILENT;
	return retry_next_ms(&contact->retry, wished_seconds);
}
