/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protects the tables of pointers that PT_GNU_RELRO names against writing, in the static
 * build. A dynamic loader does so for the other build; musl's start-up code relocates the
 * executable, but leaves these tables writable.
 */
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static void __attribute__((constructor)) relro_protect(void)
{
	const char *image = (const char *)&__ehdr_start;
	const ElfW(Phdr) *segments = (const void *)(image + __ehdr_start.e_phoff);
	size_t page = getauxval(AT_PAGESZ);

	for (size_t i = 0; i < __ehdr_start.e_phnum; i++) {
		size_t start = segments[i].p_vaddr & -page;
		size_t end = (segments[i].p_vaddr + segments[i].p_memsz) & -page;

		if (segments[i].p_type == PT_GNU_RELRO)
			mprotect((void *)(image + start), end - start, PROT_READ);
	}
}
