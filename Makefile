# The only door: every task of this repository is a target here.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help quickstart build release test soak compat check format bench fuzz protos docs clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

quickstart: ## install what is missing, build, and give this user's processes their first SVIDs
	@Scripts/quickstart $(ARGS)

build: ## debug build of the programs
	@Scripts/prerequisites build
	swift build

release: ## optimised build of the programs (about ten minutes)
	@Scripts/prerequisites build
	swift build -c release --static-swift-stdlib

test: ## all tests: unit, in-process, with processes, against other clients
	@Scripts/test $(ARGS)

soak: ## half an hour of all that clients do, and 10,000 idle streams (MINUTES=n)
	@SPIRE_SOAK_SECONDS=$$(( $(or $(MINUTES),30) * 60 )) SPIRE_IDLE_STREAMS=10000 Scripts/test --no-parallel --filter 'IntegrationTests.PeerTests/(soak|idleStreams)'

compat: ## beside SPIRE's own programs: mixed, exchanged in place, one cluster (UPSTREAM=folder, ARGS='attestation')
	@Scripts/prerequisites build
	swift build --product spire-server && swift build --product spire-agent
	@Tests/Compatibility/compat "$$(swift build --show-bin-path)" "$(UPSTREAM)" $(ARGS)

check: ## formatting, target boundaries, generated code, wire tables, documentation lists
	@Scripts/check

format: ## rewrite the sources in the project's format
	swift format --in-place --parallel --recursive Package.swift $(FORMATTED)

bench: ## measure, print a table beside the targets (release build; ARGS=--quick)
	@Scripts/prerequisites build
	@Benchmarks/run $(ARGS)

fuzz: ## run every fuzz target for a minute (SECONDS=n, ARGS='JWT' for one)
	@Scripts/prerequisites build
	@Scripts/fuzz.sh $(if $(SECONDS),-s $(SECONDS)) $(ARGS)

protos: ## regenerate Sources/Generated from Protos
	@Scripts/prerequisites protos
	Scripts/protos

docs: ## regenerate docs/reference and the manual pages (.build/man/man1), and check the documentation
	@Scripts/prerequisites build
	swift build
	@Scripts/docs --man .build/man/man1
	@Scripts/check-docs

clean: ## remove what was built
	swift package clean

FORMATTED := $(shell find Sources Tests Benchmarks Fuzzing -name '*.swift' -not -path '*/Generated/*' 2>/dev/null)
