/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-512 against NIST's examples, and at the lengths where its padding changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/base/sha512.h"
#include "conf/base/util.h"

static void assert_digest(const void *data, size_t len, const char *expected)
{
	uint8_t digest[SHA512_LEN];
	char text[2 * SHA512_LEN + 1];

	sha512(data, len, digest);
	for (size_t i = 0; i < SHA512_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, expected);
}

/* csrc.nist.gov, "Examples with intermediate values", and the message of no bytes. */
static void test_nist_examples(void **state)
{
	static const char two_blocks[] =
		"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

	(void)state;
	assert_digest("abc", 3,
		      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	assert_digest(two_blocks, strlen(two_blocks),
		      "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
		      "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
	assert_digest(NULL, 0,
		      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		      "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
}

/* 'a' so many times; the answers are those of Python's hashlib. */
static void test_lengths_around_the_padding(void **state)
{
	static const struct {
		size_t len;
		const char *expected;
	} cases[] = {
		{111, "fa9121c7b32b9e01733d034cfc78cbf67f926c7ed83e82200ef8681819692176"
		      "0b4beff48404df811b953828274461673c68d04e297b0eb7b2b4d60fc6b566a2"},
		{112, "c01d080efd492776a1c43bd23dd99d0a2e626d481e16782e75d54c2503b5dc32"
		      "bd05f0f1ba33e568b88fd2d970929b719ecbb152f58f130a407c8830604b70ca"},
		{127, "828613968b501dc00a97e08c73b118aa8876c26b8aac93df128502ab360f91ba"
		      "b50a51e088769a5c1eff4782ace147dce3642554199876374291f5d921629502"},
		{128, "b73d1929aa615934e61a871596b3f3b33359f42b8175602e89f7e06e5f658a24"
		      "3667807ed300314b95cacdd579f3e33abdfbe351909519a846d465c59582f321"},
		{129, "4f681e0bd53cda4b5a2041cc8a06f2eabde44fb16c951fbd5b87702f07aeab61"
		      "1565b19c47fde30587177ebb852e3971bbd8d3fd30da18d71037dfbd98420429"},
		{239, "52c853cb8d907f3d4d6b889beb027985d7c273486d75f8baf26f80d24e90c74c"
		      "6c3de3e22131582380a7d14d43f2941a31385439cd6ddc469f628015e50bf286"},
		{240, "4c296d90c61052a62ffb1dd196f1b7b09373b1f93e71836baebf89690546b759"
		      "5684dbe9467a8e484fa0d1094272b4344a7c24f5fee8daedeb0bf549c985ab5f"},
		{1024,
		 "74b22492e3b9a86a9c93c23a69f821ebafa429302c1f4054b4bc37356a4bae05"
		 "6d9ccbc6f24093a25704faaa72bd21a5f337ca9ec92f32369d24e6b9fae954d8"},
	};
	char data[1024];

	(void)state;
	memset(data, 'a', sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_digest(data, cases[i].len, cases[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nist_examples),
		cmocka_unit_test(test_lengths_around_the_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
