# SPDX-License-Identifier: GPL-2.0-or-later
# build/bundle: bridge-cni, linked statically with musl; and beside it bridge-cni-nft, which
# changes rules, with libnftables, the libraries that this needs, and their loader, all of glibc.

DEBIAN_MIRROR ?= http://deb.debian.org/debian
MUSL_CC       ?= musl-gcc

BUNDLE  := build/bundle
STATIC  := build/static
# The sources of libnl and cJSON are here, apart from what is built, so that they are downloaded once.
FETCHED := build/sources

# Only the two files of libnl that parse messages; --gc-sections drops what of them is not used.
LIBNL_OBJECTS  := $(STATIC)/libnl3/attr.o $(STATIC)/libnl3/msg.o
CJSON_OBJECTS  := $(STATIC)/cjson/cJSON.o
STATIC_SOURCES := $(filter-out plugin/nft/nft.c,$(SOURCES)) \
	$(wildcard plugin/static/*.c) plugin/nft/nft_exec.c
STATIC_OBJECTS := $(STATIC_SOURCES:%.c=$(STATIC)/%.o)
# bridge-cni-nft.
BESIDE_SOURCES := plugin/nft/nft_main.c plugin/nft/nft.c conf/base/error.c conf/base/errno_name.c conf/base/utf8.c \
	conf/base/format.c conf/base/text.c
BESIDE_OBJECTS := $(BESIDE_SOURCES:%.c=$(STATIC)/beside/%.o)

# The executables must not depend on the directory that they are built in.
ANYWHERE := '-ffile-prefix-map=$(CURDIR)=.'
# The kernel's headers define some structures that musl's headers define, too, unless macros say
# that these are there already. FORTIFY_SOURCE is glibc's alone.
STATIC_CFLAGS = $(ANYWHERE) -fPIE -fstack-protector-strong -fstack-clash-protection \
	-ffunction-sections -fdata-sections -isystem $(STATIC)/include \
	-isystem $(STATIC)/include/libnl3 -isystem $(STATIC)/include/cjson \
	-include netinet/in.h -D__UAPI_DEF_IN6_ADDR=0 -D__UAPI_DEF_SOCKADDR_IN6=0 \
	-D__UAPI_DEF_IPV6_MREQ=0
# These flags do what gcc does for -static-pie, which musl-gcc's specs don't know.
# noseparate-code makes fewer segments, which are mapped sooner.
STATIC_LDFLAGS := -static-pie -nostartfiles -Wl,-static,-pie,--no-dynamic-linker \
	-Wl,-z,text,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code,--gc-sections,--build-id
# musl-gcc is asked when the bundle is made, and once: other targets do without musl.
MUSL_MACHINE = $(eval MUSL_MACHINE := $(shell $(MUSL_CC) -dumpmachine))$(MUSL_MACHINE)
MUSL_LIB     = /usr/lib/$(subst gnu,musl,$(MUSL_MACHINE))
IS_X86_64    = $(filter x86_64-%,$(MUSL_MACHINE))
# On x86-64 plugin/static/memcpy.c takes the place of musl's memcpy(), which is slower there; it
# reads words from any address, as not all processors can.
STATIC_WRAP = -Xlinker --wrap=vsnprintf $(if $(IS_X86_64),-Xlinker --wrap=memcpy)
# Structures are mostly small, for which string instructions are slow: gcc calls memcpy() and
# memset() instead.
STATIC_CFLAGS += $(if $(IS_X86_64),-mmemcpy-strategy=libcall:-1:noalign \
	-mmemset-strategy=libcall:-1:noalign)

$(FETCHED)/.unpacked: deploy/bundle/sources deploy/bundle/fetch
	$(call say,FETCH,$(FETCHED))
	$(Q)deploy/bundle/fetch $(DEBIAN_MIRROR) $(FETCHED)
	$(Q)touch $@

# A folder with the kernel's headers but without glibc's, which are beside them in /usr/include;
# and the two headers that libnl's configure would write.
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

# memcpy() may be called before there is a stack guard; and its loops must not become calls of
# memcpy().
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

# DT_RPATH is used because the loader then looks here for what the libraries need, too, which it
# does not with DT_RUNPATH.
$(STATIC)/bridge-cni-nft: $(BESIDE_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PROJECT_LDFLAGS) -Wl,--disable-new-dtags,-rpath,'$$ORIGIN' \
		-o $@ $^

$(BUNDLE)/bridge-cni: $(STATIC)/bridge-cni $(STATIC)/bridge-cni-nft deploy/bundle/collect LICENSE
	$(call say,BUNDLE,$(BUNDLE))
	$(Q)deploy/bundle/collect $(STATIC) $(FETCHED) $(BUNDLE)

-include $(STATIC_OBJECTS:.o=.d) $(BESIDE_OBJECTS:.o=.d)
