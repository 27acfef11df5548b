/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TLS library touches most of its 9 MB of code while it starts, and afterwards a third
 * of it. These pages are unchanged pages of files, which the kernel reads again when they
 * are needed again.
 */
#include "memory_trim.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* An array of 100,000 nodes is smaller. */
#define KEPT_BYTES (16 * 1024 * 1024)

/* The library keeps either limit by itself only until the other one is set. */
void memory_keep(void)
{
	mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

static int object_trim(struct dl_phdr_info *object, size_t size, void *data)
{
	uintptr_t page = sysconf(_SC_PAGESIZE);

	(void)size;
	(void)data;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + part->p_vaddr, to;

		/* A part that can have been written to must stay. */
		if (part->p_type != PT_LOAD || part->p_flags & PF_W)
			continue;
		to = (from + part->p_memsz) & ~(page - 1);
		from &= ~(page - 1);
		if (to > from)
			/* The loader gives addresses as integers. */
			(void)madvise(
				(void *)from, /* NOLINT(performance-no-int-to-ptr) */
				to - from, MADV_DONTNEED);
	}
	return 0;
}

void memory_trim_heap(void)
{
	malloc_trim(0);
}

void memory_trim(void)
{
	memory_trim_heap();
	dl_iterate_phdr(object_trim, NULL);
}
