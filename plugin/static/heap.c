/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * malloc() of the static build. musl's gives every buffer of a page or more back to the
 * kernel at once, so that an operation of a millisecond would map, fault in and unmap the
 * same memory a dozen times. This one cuts memory off one mapping, in powers of two, and
 * keeps freed memory for the next request of that size. Memory goes back when the process
 * ends. There is one thread.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* 2^5 bytes have room for a header and the least that malloc() has to align */
#define CLASS_MIN  5
#define MAPPING	   ((size_t)1 << 20) /* pages that nobody touches cost nothing */
#define MAGIC_USED 0x6272636eU
#define MAGIC_FREE 0x66726565U

struct chunk {
	uint32_t magic;
	uint32_t class;
	struct chunk *next; /* the next free chunk, where this one is free */
};
_Static_assert(sizeof(struct chunk) == 16, "malloc() aligns to 16 bytes");

static struct {
	char *rest, *end; /* the part of the mapping that was never used: zeros */
	struct chunk *free[sizeof(size_t) * CHAR_BIT];
} heap;

static struct chunk *chunk_of(void *memory)
{
	struct chunk *chunk = (struct chunk *)memory - 1;

	/* The chunk was freed twice or written over: nothing here can be trusted any
	 * more. */
	if (chunk->magic != MAGIC_USED)
		abort();
	return chunk;
}

static struct chunk *cut(size_t size)
{
	struct chunk *chunk;

	if ((size_t)(heap.end - heap.rest) < size) {
		size_t more = size < MAPPING ? MAPPING : size;
		char *mapping = mmap(NULL, more, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (mapping == MAP_FAILED)
			return NULL;
		heap.rest = mapping;
		heap.end = mapping + more;
	}
	chunk = (struct chunk *)heap.rest;
	heap.rest += size;
	return chunk;
}

/* @ret_zeros: the memory was never used, so it is zeros. */
static void *allocate(size_t size, int *ret_zeros)
{
	unsigned int class = CLASS_MIN;
	struct chunk *chunk;

	if (size > PTRDIFF_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	while ((size_t)1 << class < size + sizeof(*chunk))
		class ++;
	chunk = heap.free[class];
	*ret_zeros = !chunk;
	if (chunk) {
		if (chunk->magic != MAGIC_FREE)
			abort();
		heap.free[class] = chunk->next;
	} else {
		chunk = cut((size_t)1 << class);
		if (!chunk)
			return NULL;
	}
	*chunk = (struct chunk){.magic = MAGIC_USED, .class = class};
	return chunk + 1;
}

void *malloc(size_t size)
{
	int zeros;

	return allocate(size, &zeros);
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *memory;
	int zeros;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	memory = allocate(bytes, &zeros);
	return memory && !zeros ? memset(memory, 0, bytes) : memory;
}

void free(void *memory)
{
	struct chunk *chunk;

	if (!memory)
		return;
	chunk = chunk_of(memory);
	chunk->magic = MAGIC_FREE;
	chunk->next = heap.free[chunk->class];
	heap.free[chunk->class] = chunk;
}

void *realloc(void *memory, size_t size)
{
	struct chunk *chunk;
	size_t room;
	void *grown;

	if (!memory)
		return malloc(size);
	chunk = chunk_of(memory);
	room = ((size_t)1 << chunk->class) - sizeof(*chunk);
	if (size <= room)
		return memory;
	grown = malloc(size);
	if (!grown)
		return NULL;
	memcpy(grown, memory, room);
	free(memory);
	return grown;
}
