# Sextant: what to run. `make help` lists the targets.
SWIFT ?= swift
# Arguments for the daemon, such as: make serve ARGS="--listen 127.0.0.1:9999"
ARGS ?=
# Arguments for the test runner, such as: make test TESTS="--filter Storage"
TESTS ?=

FORMATTED = Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources
# Which benchmarks to run, by parts of their names; all if empty.
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help serve demo build test soak bench lint format deb clean packages peers

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)$$/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

serve: packages ## build a release and run the daemon with rules/ and retention.yaml (ARGS= for more)
	$(SWIFT) build -c release --product sextant
	exec "$$($(SWIFT) build -c release --show-bin-path)/sextant" serve --rules rules --retention retention.yaml $(ARGS)

demo: packages ## play the example shop into the daemon of `make serve` (ARGS= for more)
	$(SWIFT) build -c release --product sextant
	exec "$$($(SWIFT) build -c release --show-bin-path)/sextant" demo $(ARGS)

build: packages ## build everything for debugging, the tests included
	$(SWIFT) build --build-tests

test: build peers ## build and run every test, the end-to-end tests against the daemon just built (TESTS= for more)
ifeq ($(strip $(TESTS)),)
	$(SWIFT) test --skip-build --disable-xctest --skip StorageFaultTests
	@# They keep all cores busy for minutes: beside them the clients of other tests would starve.
	$(SWIFT) test --skip-build --disable-xctest --filter StorageFaultTests
else
	$(SWIFT) test --skip-build --disable-xctest $(TESTS)
endif

bench: packages ## measure the engine in a release build, against the bounds that are set for it (BENCH= for some)
	$(SWIFT) run --package-path Benchmarks -c release Benchmarks $(BENCH)

soak: build ## run the fault, model and fuzz tests of the storage engine for hours (SEXTANT_SEED= to repeat a run)
	SEXTANT_SOAK=1 $(SWIFT) test --skip-build --disable-xctest --filter StorageFaultTests

lint: ## check the formatting and the lint rules of all Swift files
	$(SWIFT) format lint --strict --parallel --recursive $(FORMATTED)

format: ## format all Swift files in place
	$(SWIFT) format --in-place --parallel --recursive $(FORMATTED)

deb: packages ## build the Debian package in .build/deb, and check it with lintian if that is installed
	SWIFT="$(SWIFT)" scripts/build-deb.sh --check

clean: ## remove what was built, but not the data of a daemon
	rm -rf .build

packages:
	@scripts/install-packages.sh

peers:
	@scripts/peers.sh >/dev/null || echo "no peers: the tests that need Prometheus will skip"
