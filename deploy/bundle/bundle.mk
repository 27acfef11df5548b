# SPDX-License-Identifier: GPL-2.0-or-later
# build/bundle: the executable static with musl, and beside it, for rules alone, what the
# glibc build loads: bridge-cni-nft, libnftables, its libraries, and their loader.

DEBIAN_MIRROR ?= http://deb.debian.org/debian
MUSL_CC       ?= musl-gcc

BUNDLE  := build/bundle
STATIC  := build/static
# Here, so that it's downloaded once: libnl and cJSON.
FETCHED := build/sources

# Of libnl only what builds and parses messages; --gc-sections drops the rest of it.
LIBNL_OBJECTS  := $(STATIC)/libnl3/attr.o $(STATIC)/libnl3/msg.o
CJSON_OBJECTS  := $(STATIC)/cjson/cJSON.o
STATIC_SOURCES := $(filter-out plugin/nft/nft.c,$(SOURCES)) \
	$(wildcard plugin/static/*.c) plugin/nft/nft_exec.c
STATIC_OBJECTS := $(STATIC_SOURCES:%.c=$(STATIC)/%.o)
# Of the other executable, which glibc's libraries are for.
BESIDE_SOURCES := plugin/nft/nft_main.c plugin/nft/nft.c conf/base/error.c conf/base/errno_name.c conf/base/utf8.c
BESIDE_OBJECTS := $(BESIDE_SOURCES:%.c=$(STATIC)/beside/%.o)

# What is made must not depend on where it is made.
ANYWHERE := '-ffile-prefix-map=$(CURDIR)=.'
# musl's headers know nothing of the kernel's, which define some of the same structures
# unless they are told that they are there already. FORTIFY is glibc's.
STATIC_CFLAGS = $(ANYWHERE) -fPIE -fstack-protector-strong -fstack-clash-protection \
	-ffunction-sections -fdata-sections -isystem $(STATIC)/include \
	-isystem $(STATIC)/include/libnl3 -isystem $(STATIC)/include/cjson \
	-include netinet/in.h -D__UAPI_DEF_IN6_ADDR=0 -D__UAPI_DEF_SOCKADDR_IN6=0 \
	-D__UAPI_DEF_IPV6_MREQ=0
# gcc's static-pie, which musl-gcc's specs don't know. Fewer segments are mapped sooner.
STATIC_LDFLAGS := -static-pie -nostartfiles -Wl,-static,-pie,--no-dynamic-linker \
	-Wl,-z,text,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code,--gc-sections,--build-id
# Asked when the bundle is made, once: who makes anything else need not have musl.
MUSL_MACHINE = $(eval MUSL_MACHINE := $(shell $(MUSL_CC) -dumpmachine))$(MUSL_MACHINE)
MUSL_LIB     = /usr/lib/$(subst gnu,musl,$(MUSL_MACHINE))
IS_X86_64    = $(filter x86_64-%,$(MUSL_MACHINE))
# plugin/static/memcpy.c: for the one processor whose memcpy() of musl's it is quicker than, and which
# reads words from any address.
STATIC_WRAP = -Xlinker --wrap=vsnprintf $(if $(IS_X86_64),-Xlinker --wrap=memcpy)
# Structures are mostly small: no string instructions for them, either.
STATIC_CFLAGS += $(if $(IS_X86_64),-mmemcpy-strategy=libcall:-1:noalign \
	-mmemset-strategy=libcall:-1:noalign)

$(FETCHED)/.unpacked: deploy/bundle/sources deploy/bundle/fetch
	$(call say,FETCH,$(FETCHED))
	$(Q)deploy/bundle/fetch $(DEBIAN_MIRROR) $(FETCHED)
	$(Q)touch $@

# The kernel's headers without glibc's beside them; what configure would have written.
$(STATIC)/.ready: $(FETCHED)/.unpacked deploy/bundle/bundle.mk
	$(Q)rm -rf $(STATIC)/include
	$(Q)mkdir -p $(STATIC)/include $(STATIC)/libnl3 $(STATIC)/cjson
	$(Q)ln -s /usr/include/linux /usr/include/asm-generic \
		/usr/include/$$($(CC) -dumpmachine)/asm $(STATIC)/include
	$(Q)ln -s '$(CURDIR)/$(FETCHED)/libnl3/include' $(STATIC)/include/libnl3
	$(Q)ln -s '$(CURDIR)/$(FETCHED)/cjson' $(STATIC)/include/cjson
	$(Q)touch $(FETCHED)/libnl3/include/netlink/version.h $(STATIC)/libnl3/defs.h
	$(Q)touch $@

$(LIBNL_OBJECTS): $(STATIC)/libnl3/%.o: $(STATIC)/.ready
	$(call say,MUSL,libnl3/lib/$*.c)
	$(Q)$(MUSL_CC) $(CFLAGS) -w -D_GNU_SOURCE -DSYSCONFDIR='"/etc"' -I$(FETCHED)/libnl3/include/linux-private \
		$(STATIC_CFLAGS) -I$(STATIC)/libnl3 -c -o $@ $(FETCHED)/libnl3/lib/$*.c

$(CJSON_OBJECTS): $(STATIC)/cjson/%.o: $(STATIC)/.ready
	$(call say,MUSL,cjson/$*.c)
	$(Q)$(MUSL_CC) $(CFLAGS) $(STATIC_CFLAGS) -c -o $@ $(FETCHED)/cjson/$*.c

# It may be called before there is a stack guard, and must not become a call of itself.
$(STATIC)/plugin/static/memcpy.o: STATIC_CFLAGS += -O2 -fno-stack-protector \
	-fno-tree-loop-distribute-patterns

$(STATIC)/%.o: %.c Makefile $(STATIC)/.ready
	$(call say,MUSL,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(COMMON_CFLAGS) $(CFLAGS) $(STATIC_CFLAGS) -MMD -MP -c -o $@ $<

$(BESIDE_OBJECTS): $(STATIC)/beside/%.o: %.c Makefile deploy/bundle/bundle.mk
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PROJECT_CFLAGS) $(CFLAGS) $(ANYWHERE) -MMD -MP -c -o $@ $<

$(STATIC)/bridge-cni: $(STATIC_OBJECTS) $(LIBNL_OBJECTS) $(CJSON_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(MUSL_CC) $(CFLAGS) $(STATIC_LDFLAGS) $(STATIC_WRAP) -o $@ $(MUSL_LIB)/rcrt1.o $^

# DT_RPATH, not DT_RUNPATH: what the libraries need is looked for beside it, too.
$(STATIC)/bridge-cni-nft: $(BESIDE_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PROJECT_LDFLAGS) -Wl,--disable-new-dtags,-rpath,'$$ORIGIN' \
		-o $@ $^

$(BUNDLE)/bridge-cni: $(STATIC)/bridge-cni $(STATIC)/bridge-cni-nft deploy/bundle/collect LICENSE
	$(call say,BUNDLE,$(BUNDLE))
	$(Q)deploy/bundle/collect $(STATIC) $(FETCHED) $(BUNDLE)

-include $(STATIC_OBJECTS:.o=.d) $(BESIDE_OBJECTS:.o=.d)
