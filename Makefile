# slipway's commands. `make up` brings the stack up on the local cloud; README.md has the rest.
.DEFAULT_GOAL := help
.PHONY: help up preview down status logs fleet recover test test-packages test-stacks lint fmt cli binaries build commands start bench faults rollout walk
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

DIR        := .localcloud
LOCALCLOUD := bin/localcloud -dir $(DIR)
# The environment of every `pulumi` here: the local cloud as its providers, and its state inside the work folder.
PULUMI     := eval "$$($(LOCALCLOUD) env)"; pulumi --stack local
# The environment of commands that reach services by name: the local cloud's proxy and its authority.
CLIENT     := eval "$$($(LOCALCLOUD) env -clients)";
STACK      := local
MODULES    := . app localcloud
# The race detector needs a C compiler, and a machine may have only Go, git and make.
RACE        = $(if $(shell command -v "$$(go env CC)"),-race)

# What of the root module has goroutines of its own. The race detector doubles the time of these tests. It is not for the others: they
# start none, or have the providers' SDKs, which take minutes to compile once more.
RACING     := slipway/internal/confirm slipway/internal/smoke slipway/internal/stack slipway/cmd/fleet slipway/cmd/promote slipway/cmd/smoke

help: ## Show this.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# The image is for this machine, whose processor runs it.
SHIP        = $(CLIENT) bin/ship -arch "$$(go env GOARCH)"

up: start ## Build app/ and bring the stack up on the local cloud.
	@$(SHIP) -yes local
	@$(LOCALCLOUD) endpoints

preview: start ## Build and push the image, and show what `make up` would change.
	@$(SHIP) -preview local

down: start ## Destroy the stack and stop the local cloud, unless other stacks are in it; fail if anything is left.
	@$(PULUMI) destroy --yes --skip-preview
	@$(LOCALCLOUD) stop -unused -empty

status: ## Show what is alive in the local cloud.
	@$(LOCALCLOUD) status

logs: ## Show what the tasks log; SERVICE=hello those of one service, FOLLOW=1 goes on.
	@$(LOCALCLOUD) logs $(if $(FOLLOW),-follow) $(SERVICE)

fleet: start ## Show the stacks on a web page, until interrupted; LISTEN=127.0.0.1:8191 at another address.
	@test -x bin/fleet || echo "building the page of stacks: the first time, it takes some minutes" >&2
	@go build -o bin/ ./cmd/fleet
	@$(CLIENT) bin/fleet $(if $(LISTEN),-listen $(LISTEN))

recover: commands $(if $(filter local,$(STACK)),start) ## Bring a stack back whose update was killed; STACK=dev one on AWS, THEN=destroy.
	@$(if $(filter local,$(STACK)),eval "$$($(LOCALCLOUD) env)";) ORPHANS=bin/orphans CHECK_STATE=bin/check-state tools/recover $(STACK) $(if $(YES),-yes) $(if $(THEN),-then $(THEN))

start: cli binaries ## Start the local cloud alone, without a stack.
	@$(LOCALCLOUD) start -zone slipway.test -settings Pulumi.local.yaml
	@test -e $(DIR)/pulumi/state/.pulumi/stacks/slipway/local.json || { eval "$$($(LOCALCLOUD) env)"; pulumi stack select --create local >/dev/null; }

cli:
	@tools/cli

# The program is built here if there is none, because it takes minutes. From then on Pulumi builds it with each command. Later, behind the
# local cloud's proxy, the app's modules could not be fetched.
binaries:
	@mkdir -p bin
	@test bin/.modules -nt app/go.sum || { (cd app && go mod download) && touch bin/.modules; }
	@test -x bin/slipway || { echo "building the program: the first time, its AWS SDK takes some minutes" >&2; go build -o bin/ .; }
	@tools/build cmd/ship cmd internal spec
	@tools/build cmd/smoke cmd internal spec
	@tools/build cmd/image cmd internal spec
	@tools/build localcloud/cmd/localcloud localcloud

build:
	@mkdir -p bin
	@test -x bin/slipway || echo "building the program: the first time, its AWS SDK takes some minutes" >&2
	@go build -o bin/ . ./cmd/ship ./cmd/smoke ./cmd/image
	@go build -C localcloud -o ../bin/ ./cmd/localcloud

# Commands that are not needed to bring the stack up.
commands: ## Build the other commands into bin/: promote, fleet, orphans, run, slipway-bootstrap.
	@test -x bin/slipway-bootstrap || echo "building the other commands: the first time, it takes some minutes" >&2
	@go build -o bin/ ./cmd/promote ./cmd/fleet ./cmd/orphans ./cmd/run ./ci/check-state
	@go build -o bin/slipway-bootstrap ./bootstrap

# More memory, less time: linters, compilers, tests and their processes collect garbage less often.
lint test: export GOGC ?= 400

# Stacks mostly wait for tasks to get healthy and to drain, so the other tests run meanwhile.
test: cli build commands ## Run all tests of all modules, those end to end included.
	@test -n "$(RACE)" || echo "no C compiler: the tests run without the race detector" >&2
	@$(MAKE) test-stacks & stacks=$$!; packages=0; $(MAKE) test-packages || packages=$$?; wait $$stacks; exit $$packages

# `make lint` has go vet in it.
test-packages:
	CHROMIUM="$$(tools/chromium)" go test -vet=off $(RACE) $(RACING)
	go test -vet=off $(filter-out $(RACING),$(shell go list ./...))
	go test -C app -vet=off $(RACE) ./...
	go test -C localcloud -vet=off $(RACE) $$(go list -C localcloud ./... | grep -v '/e2e$$')

# Without the race detector: these tests drive other processes, and their own code has other tests.
test-stacks:
	go test -C localcloud -vet=off -timeout 30m ./e2e

# The timeout is for a machine of two cores with other work.
faults: ## Let every operation of stacks' lives fail, lose every reply, and kill the engine, a hundred times; takes half an hour.
	go test -C localcloud -run '^Test(Faults|Kills|LostReplies)$$' -v -timeout 150m ./e2e -full $(if $(SEED),-seed $(SEED)) $(if $(KILLS),-kills $(KILLS))

rollout: cli build ## Measure what clients see of new versions, good and bad: a stack of its own, under load.
	@go build -C localcloud -o ../bin/ ./cmd/rollout
	@bin/rollout

walk: ## Take stacks through random changes of their configuration, under load; SEED=7 STEPS=40 STACKS=2 KINDS='port,zones'.
	go test -C localcloud -run '^TestWalk$$' -v -timeout 150m ./e2e -seed $(or $(SEED),$$RANDOM) -steps $(or $(STEPS),40) \
		$(if $(STACKS),-stacks $(STACKS)) $(if $(KINDS),-kinds '$(KINDS)') $(if $(MOST),-most $(MOST))

bench: ## Measure what the local cloud's load balancer costs, and its tasks.
	go test -C localcloud -run '^$$' -bench . ./lb ./task ./services

lint: bin/golangci-lint bin/actionlint ## Run the linters and check the formatting.
	@for m in $(MODULES); do (cd $$m && echo "lint $$m" && "$(CURDIR)/bin/golangci-lint" run --config "$(CURDIR)/.golangci.yml" ./...); done
	@echo "lint .github"
	@bin/actionlint -shellcheck= -pyflakes= # not with what happens to be installed: the same everywhere
	@bin/shfmt -d .ci ci tools

fmt: bin/golangci-lint ## Format the code.
	@for m in $(MODULES); do (cd $$m && "$(CURDIR)/bin/golangci-lint" fmt --config "$(CURDIR)/.golangci.yml" ./...); done

bin/golangci-lint: tools/lint/go.mod
	@echo "building golangci-lint into bin/: once, some minutes" >&2
	@go build -C tools/lint -ldflags "-s -w" -o ../../bin/ tool
	@touch $@

# It builds shfmt too.
bin/actionlint: tools/actionlint/go.mod
	@echo "building actionlint into bin/: once" >&2
	@go build -C tools/actionlint -ldflags "-s -w" -o ../../bin/ tool
	@touch $@
