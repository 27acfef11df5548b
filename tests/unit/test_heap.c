/* SPDX-License-Identifier: GPL-2.0-or-later */
/* malloc() of the static build, under other names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define malloc	heap_malloc
#define calloc	heap_calloc
#define realloc heap_realloc
#define free	heap_free
void *heap_malloc(size_t size);
void *heap_calloc(size_t n, size_t size);
void *heap_realloc(void *memory, size_t size);
void heap_free(void *memory);
#include "plugin/static/heap.c"

#define SLOTS 200
#define TURNS 20000

static int is_filled(const unsigned char *memory, size_t size, unsigned char with)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i] != with)
			return 0;
	return 1;
}

static void what_is_held_keeps_its_content(void **state)
{
	unsigned char *memory[SLOTS] = {};
	size_t sizes[SLOTS] = {};

	(void)state;
	srand(7);
	for (int turn = 0; turn < TURNS; turn++) {
		int i = rand() % SLOTS;
		size_t size = rand() % (1U << rand() % 18);

		if (memory[i] && !is_filled(memory[i], sizes[i], i))
			fail_msg("turn %d, %zu bytes", turn, sizes[i]);
		if (rand() % 3 == 0) {
			free(memory[i]);
			memory[i] = calloc(1, size);
			assert_true(is_filled(memory[i], size, 0));
		} else {
			size_t both = size < sizes[i] ? size : sizes[i];

			memory[i] = realloc(memory[i], size);
			assert_true(is_filled(memory[i], both, i));
		}
		assert_non_null(memory[i]);
		assert_int_equal((uintptr_t)memory[i] % 16, 0);
		sizes[i] = size;
		memset(memory[i], i, size);
	}
	for (int i = 0; i < SLOTS; i++)
		free(memory[i]);
}

static void what_is_freed_serves_again(void **state)
{
	void *first = malloc(5000);

	(void)state;
	free(first);
	assert_ptr_equal(malloc(6000), first);
	free(first);
	free(NULL);
}

static void what_cannot_be_had_is_NULL(void **state)
{
	void *held = malloc(10);

	(void)state;
	assert_null(malloc(SIZE_MAX));
	assert_null(malloc(PTRDIFF_MAX));
	assert_null(calloc(SIZE_MAX / 4, 8));
	assert_int_equal(errno, ENOMEM);
	assert_null(realloc(held, SIZE_MAX - 20));
	free(held);
}

static void twice(void)
{
	void *memory = malloc(100);

	free(memory);
	free(memory);
}

static void written_over(void)
{
	char *memory = malloc(16);

	memset(memory - 16, 1, 16);
	free(memory);
}

static void a_double_free_or_a_header_written_over_ends_the_process(void **state)
{
	void (*const wrongs[])(void) = {twice, written_over};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			signal(SIGABRT, SIG_DFL);
			wrongs[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_held_keeps_its_content),
		cmocka_unit_test(what_is_freed_serves_again),
		cmocka_unit_test(what_cannot_be_had_is_NULL),
		cmocka_unit_test(a_double_free_or_a_header_written_over_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
