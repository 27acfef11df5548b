/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text has one spelling for each note. */
#include "wireguard_note.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Reads a port without leading zeros. Returns how many digits it has; 0: it is none. */
static size_t port_parse(const char *text, uint16_t *ret_port)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long port = 0;

	if (!digits || digits > 5 || text[0] == '0')
		return 0;
	for (size_t i = 0; i < digits; i++)
		port = port * 10 + (unsigned long)(text[i] - '0');
	if (port > UINT16_MAX)
		return 0;
	*ret_port = (uint16_t)port;
	return digits;
}

int wireguard_note_parse(const char *text, struct wireguard_note *ret_note)
{
	struct wireguard_note note;
	size_t digits = port_parse(text, &note.port);
	const char *key = text + digits + 1;

	if (!digits || text[digits] != ':' || strlen(key) != WIREGUARD_KEY_TEXT_LEN ||
	    wireguard_key_parse(key, WIREGUARD_KEY_TEXT_LEN, &note.key) < 0)
		return -EINVAL;
	*ret_note = note;
	return 0;
}

const char *wireguard_note_format(const struct wireguard_note *note,
				  char buf[WIREGUARD_NOTE_MAX])
{
	snprintf(buf, WIREGUARD_NOTE_MAX, "%u:%s", (unsigned int)note->port,
		 WIREGUARD_KEY_TEXT(&note->key));
	return buf;
}
