# The front door. "make help" lists the targets.
SHELL := /bin/bash
SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
# Of "make soak" and "make chaos".
SOAK_SECONDS ?= 600
KILLS ?= 1000
UPGRADES ?= 50
CRASHES ?= 30
# Of "make test-vm", which has all of them without it: names as in scripts/guest.sh.
CHECKS ?=
BUILD := .build
# gold, the toolchain's default linker, warns about symbols it need not export.
FLAGS := -Xswiftc -warnings-as-errors -Xswiftc -use-ld=lld -Xcc -Wall -Xcc -Wextra -Xcc -Werror --explicit-target-dependency-import-check error
# What is delivered: addresses fixed before the first line runs, checked calls of the C library, guarded stacks, and no
# library but those that are used, from where the system has them.
HARDENED := --disable-local-rpath -Xlinker -z -Xlinker now -Xlinker -z -Xlinker relro \
	-Xcc -D_FORTIFY_SOURCE=3 -Xcc -fstack-protector-strong -Xcc -fstack-clash-protection
# Swift's library and those of C++ that it needs are in the program, and addresses in it are relocated from a packed list
# (glibc 2.36): a quarter of what a start took. The directory has the archive alone, or the linker would take the .so.
STATIC := --static-swift-stdlib -Xswiftc -L -Xswiftc $(CURDIR)/$(BUILD)/static -Xswiftc -Xclang-linker -Xswiftc -static-libgcc \
	-Xlinker -z -Xlinker pack-relative-relocs

.PHONY: help deps deb demo demo-stop build test test-asan test-tsan fmt fmt-check lint fuzz soak chaos build-soak build-bench api-check page-check test-vm openapi man bench bench-quick install clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

deps: ## install the Debian packages that are missing
	@scripts/install-deps.sh

demo: deps ## build, make certificates, start jobd, run real jobs, show what happened
	@scripts/demo.sh

demo-stop: ## end the daemon the demo left running, and remove what it made
	@scripts/demo.sh --stop

$(BUILD)/static/libstdc++.a:
	mkdir -p $(@D)
	ln -sf "$$("$$(dirname "$$(command -v $(SWIFT))")/clang" -print-file-name=$(@F))" $@
	test -f $@

build: deps $(BUILD)/static/libstdc++.a ## build the release binaries
	$(SWIFT) build -c release $(STATIC) $(FLAGS) $(HARDENED) --product jobd
	$(SWIFT) build -c release $(STATIC) $(FLAGS) $(HARDENED) --product jobctl
	$(SWIFT) build -c release $(FLAGS) $(HARDENED) --product jobd-keeper
	@scripts/check-binaries.sh $$($(SWIFT) build -c release --static-swift-stdlib --show-bin-path)

build-bench: $(BUILD)/static/libstdc++.a
	for product in loadgen baseline pool bench; do \
	  $(SWIFT) build -c release $(STATIC) $(FLAGS) $(HARDENED) --product $$product || exit 1; done

test: deps ## build and run every test
	scripts/test.sh

test-asan: deps ## the tests of the C core and the service under AddressSanitizer, undefined behaviour of C trapped
	scripts/test.sh address

test-tsan: deps ## the same under ThreadSanitizer
	scripts/test.sh thread

fmt: ## format all sources
	$(SWIFT) format -i -r Package.swift Sources Tests bench
	find Sources Tests bench -name '*.[ch]' -not -path '*/.build/*' -print0 | xargs -0 clang-format -i

fmt-check: deps ## fail when a source is not formatted
	$(SWIFT) format lint -s -r Package.swift Sources Tests bench
	find Sources Tests bench -name '*.[ch]' -not -path '*/.build/*' -print0 | xargs -0 clang-format --dry-run -Werror

lint: fmt-check ## format check, and the manual pages
	scripts/lint.sh

fuzz: deps ## run every parser's fuzzer, FUZZ_SECONDS each (20)
	scripts/fuzz.sh

# With the flags of what is delivered, or each would have the other built anew.
build-soak: build
	$(SWIFT) build -c release $(STATIC) $(FLAGS) $(HARDENED) --product soak

soak: build-soak ## mixed load for SOAK_SECONDS (600), all that clients see compared with what must be
	$(BUILD)/release/soak --seconds $(SOAK_SECONDS)

chaos: build-soak ## the same while api process and supervisor are killed (KILLS, CRASHES), and upgraded (UPGRADES)
	$(BUILD)/release/soak --api-kills $(KILLS) --upgrades $(UPGRADES) --bad-upgrades $$(($(UPGRADES) / 5)) --reloads $$(($(UPGRADES) / 5)) \
	  --supervisor-kills $(CRASHES) --upgrade-kills $$(($(CRASHES) / 3))
	$(BUILD)/release/soak --supervisor-stops $$(($(CRASHES) / 3)) --api-stops $$(($(CRASHES) / 3))

api-check: deps ## validate docs/openapi.yaml, use a client made from it, and hold the daemon against it with schemathesis
	scripts/api-check.sh

page-check: deps ## drive the web page in chromium as each role, with pictures in .build/page-pictures
	scripts/page-check.sh

test-vm: ## the whole life of the packages under systemd in Debian guests, and power cuts under load, in 15 minutes (as root)
	scripts/guest.sh $(CHECKS)

openapi: ## make the description the daemon serves from docs/openapi.yaml
	scripts/openapi.py

bench: ## measure against the baselines, under 15 minutes; docs/performance.md says how to read it
	bench/run

bench-quick: ## the same with less of everything, in 2 minutes
	bench/run --quick

install: build ## install binaries, manual pages and the unit file below $(DESTDIR)$(PREFIX)
	scripts/install.sh "$(DESTDIR)" "$(PREFIX)"

deb: build ## make the Debian packages jobd and jobctl in .build/deb, and check them
	scripts/deb.sh

man: build ## write the manual pages in docs/man, which the programs hold
	scripts/man.sh docs/man

clean: demo-stop ## remove what was built
	rm -rf $(BUILD)
