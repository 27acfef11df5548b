/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparisons of some bytes where they are made by the thousand: eight bytes at once as one
 * number, without a call. */
#ifndef BRIDGE_CNI_CONF_BASE_BYTES_H
#define BRIDGE_CNI_CONF_BASE_BYTES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Numbers of this kind are in the order of memcmp(3). */
static inline uint64_t bytes_word(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return be64toh(word);
}

/* <0, 0, >0, as memcmp(3) has it. */
static inline int bytes_cmp(const void *a, const void *b, size_t len)
{
	const uint8_t *one = a, *other = b;
	size_t at = 0;

	for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		uint64_t word = bytes_word(one + at), word_other = bytes_word(other + at);

		if (word != word_other)
			return word < word_other ? -1 : 1;
	}
	for (; at < len; at++)
		if (one[at] != other[at])
			return one[at] < other[at] ? -1 : 1;
	return 0;
}

#endif
