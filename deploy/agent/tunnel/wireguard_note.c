/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text has one spelling for each note. */
#include "wireguard_note.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define GENERATION ";generation="

bool wireguard_note_has(const struct wireguard_note *note,
			const struct wireguard_key *key)
{
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++)
		if (note->ends[slot].port &&
		    memcmp(&note->ends[slot].key, key, sizeof(*key)) == 0)
			return true;
	return false;
}

/* Reads a number without leading zeros, and moves *@text behind it. */
static int number_parse(const char **text, uint32_t max, uint32_t *ret_number)
{
	size_t digits = strspn(*text, "0123456789");
	uint64_t number = 0;

	if (!digits || digits > 9 || (**text == '0' && digits > 1))
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (uint64_t)((*text)[i] - '0');
	if (number > max)
		return -EINVAL;
	*text += digits;
	*ret_number = (uint32_t)number;
	return 0;
}

static int end_parse(const char **text, struct wireguard_end *ret_end)
{
	struct wireguard_end end;
	uint32_t port;

	if (number_parse(text, UINT16_MAX, &port) < 0 || !port || **text != ':')
		return -EINVAL;
	end.port = (uint16_t)port;
	++*text;
	if (wireguard_key_parse(*text, strlen(*text), &end.key) < 0)
		return -EINVAL;
	*text += WIREGUARD_KEY_TEXT_LEN;
	*ret_end = end;
	return 0;
}

static int second_parse(const char **text, struct wireguard_note *note)
{
	const struct wireguard_end *first = &note->ends[0];

	++*text;
	if (end_parse(text, &note->ends[1]) < 0 || note->ends[1].port == first->port ||
	    memcmp(&note->ends[1].key, &first->key, sizeof(first->key)) == 0 ||
	    strncmp(*text, GENERATION, strlen(GENERATION)) != 0)
		return -EINVAL;
	*text += strlen(GENERATION);
	return number_parse(text, ROTATION_GENERATION_MAX, &note->generation);
}

int wireguard_note_parse(const char *text, struct wireguard_note *ret_note)
{
	struct wireguard_note note = {};

	if (end_parse(&text, &note.ends[0]) < 0 ||
	    (*text == ',' && second_parse(&text, &note) < 0) || *text)
		return -EINVAL;
	*ret_note = note;
	return 0;
}

const char *wireguard_note_format(const struct wireguard_note *note,
				  char buf[WIREGUARD_NOTE_MAX])
{
	int len = snprintf(buf, WIREGUARD_NOTE_MAX, "%u:%s",
			   (unsigned int)note->ends[0].port,
			   WIREGUARD_KEY_TEXT(&note->ends[0].key));

	if (note->ends[1].port)
		snprintf(buf + len, WIREGUARD_NOTE_MAX - (size_t)len,
			 ",%u:%s" GENERATION "%u", (unsigned int)note->ends[1].port,
			 WIREGUARD_KEY_TEXT(&note->ends[1].key), note->generation);
	return buf;
}
