# Thin front of CMake's presets. Programs land in build/release/bin.
JOBS ?= $(shell nproc)
SANITIZER_OPTIONS = ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# How long `make fuzz` runs each target.
FUZZ_SECONDS ?= 30

.PHONY: build packages demo test asan fuzz format check clean

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

test: build
	ctest --preset release

# Everything but the tests labelled slow, under AddressSanitizer and UndefinedBehaviorSanitizer. LibTorch itself
# is not instrumented.
asan: packages
	cmake --preset asan
	cmake --build --preset asan -j $(JOBS) --target unit_tests
	$(SANITIZER_OPTIONS) ctest --preset asan --label-exclude slow

# Every parser of files under libFuzzer and both sanitizers; fails on a finding (fuzz/README.md).
fuzz: packages
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS)
	fuzz/run.sh $(FUZZ_SECONDS)

format:
	tools/check_format.sh --fix

check: packages
	tools/check_format.sh
	tools/check_includes.sh
	tools/check_docs.sh

clean:
	rm -rf build demo
