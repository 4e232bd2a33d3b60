# Thin front of CMake's presets. Programs land in build/release/bin.
JOBS ?= $(shell nproc)
# Test programs that run at once; each uses several threads itself.
TEST_JOBS ?= 2

# How long `make fuzz` runs each target.
FUZZ_SECONDS ?= 30

.PHONY: build packages demo install package test asan asan-build asan-without-engine asan-without-engine-build tsan tsan-build fuzz fuzz-build format check clean

build: packages
	cmake --preset release
	cmake --build --preset release -j $(JOBS)

packages:
	@tools/install_packages.sh

# Only the program: tests and trainer take twice the time again.
demo: packages
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target forgedit
	tools/demo.sh

# Into PREFIX, or DESTDIR/PREFIX: program, library, miniature, manual pages, completions.
PREFIX ?= /usr/local
install: packages
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target forgedit forgedit_shared
	cmake --install build/release --prefix $(PREFIX)

# A Debian package: build/release/forgedit_VERSION_ARCHITECTURE.deb
package: packages
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target forgedit forgedit_shared
	cd build/release && cpack

test: build
	ctest --preset release -j $(TEST_JOBS)

# Everything but the tests labelled slow, under AddressSanitizer and UndefinedBehaviorSanitizer. LibTorch itself
# is not instrumented.
asan: asan-build
	ctest --preset asan -j $(TEST_JOBS)

# The same without the tests that spend their time in LibTorch, fine-tuning and generating.
asan-without-engine: asan-without-engine-build
	ctest --preset asan-without-engine -j $(TEST_JOBS)

# What links no LibTorch, under ThreadSanitizer.
tsan: tsan-build
	ctest --preset tsan -j $(TEST_JOBS)

# Every parser of files under libFuzzer and both sanitizers; fails on a finding (fuzz/README.md).
fuzz: fuzz-build
	fuzz/run.sh $(FUZZ_SECONDS)

# The builds alone, of the presets' tests only.
asan-build tsan-build fuzz-build: %-build: packages
	cmake --preset $*
	cmake --build --preset $* -j $(JOBS)

asan-without-engine-build: packages
	cmake --preset asan
	cmake --build --preset asan-without-engine -j $(JOBS)

format:
	tools/check_format.sh --fix

check: packages
	tools/check_format.sh
	tools/check_includes.sh
	tools/check_docs.sh

clean:
	rm -rf build demo
