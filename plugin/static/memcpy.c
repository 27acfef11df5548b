/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memcpy() of the static build for x86-64. musl's copies by the processor's string
 * instructions, which take some 25 ns for the first byte, while most copies here are a
 * few bytes long (conf/base/format.c copies every piece that it writes). The linker puts
 * it in the place of musl's (--wrap); deploy/bundle/bundle.mk has the compiler options
 * that it needs.
 */
#include <stdint.h>
#include <string.h>

void *__wrap_memcpy(void *restrict to, const void *restrict from, size_t n);

struct pair {
	uint64_t low, high;
};

/*
 * Copies @n bytes, which are as long as one @type to two of them: the first @type and the
 * last one, which may overlap. A __builtin_memcpy() of a constant size is a move, not a
 * call.
 */
#define COPY_ENDS(type, to, from, n)                                \
	do {                                                        \
		const size_t at = (n) - sizeof(type);               \
		type first, last;                                   \
                                                                    \
		__builtin_memcpy(&first, (from), sizeof(first));    \
		__builtin_memcpy(&last, (from) + at, sizeof(last)); \
		__builtin_memcpy((to), &first, sizeof(first));      \
		__builtin_memcpy((to) + at, &last, sizeof(last));   \
	} while (0)

void *__wrap_memcpy(void *restrict to, const void *restrict from, size_t n)
{
	const char *in = from;
	char *out = to;

	for (; n > 2 * sizeof(struct pair); n -= sizeof(struct pair)) {
		COPY_ENDS(struct pair, out, in, sizeof(struct pair));
		in += sizeof(struct pair);
		out += sizeof(struct pair);
	}
	if (n >= sizeof(struct pair))
		COPY_ENDS(struct pair, out, in, n);
	else if (n >= sizeof(uint64_t))
		COPY_ENDS(uint64_t, out, in, n);
	else if (n >= sizeof(uint32_t))
		COPY_ENDS(uint32_t, out, in, n);
	else if (n >= sizeof(uint16_t))
		COPY_ENDS(uint16_t, out, in, n);
	else if (n > 0)
		*out = *in;
	return to;
}
