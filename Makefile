# From text chapters to a book: "make help" lists what there is to make.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# smoke: seconds a chapter, no scientific claim; quick: a laptop; paper: the scale of the paper's figures
PROFILE ?= quick
PORT ?= 8000
# PyTorch's own index has the builds without CUDA, several GB smaller than those on PyPI
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# the first that runs: a shim of pyenv's may name one that is not there
SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
  if "$$name" -c '$(SUITS)' 2> /dev/null; then echo "$$name"; break; fi; done)
# given with the command alone, never by a variable of the shell's; FORCE=1: replace and remove what a person made, too
FORCE :=
CHAPTER :=
PARAMS :=
OUT :=

ifneq (1$(PROFILE),$(words $(PROFILE))$(filter smoke quick paper,$(PROFILE)))
$(error PROFILE=$(PROFILE): must be smoke, quick or paper)
endif

VENV := .venv
ifneq ($(words $(VENV)),1)
$(error VENV=$(VENV): must be one path, without spaces)
endif
# in an environment that make made, and may remove: never in conda's or a reader's own
MADE := $(VENV)/.made-by-make
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
BUILD := _build/$(PROFILE)

# a chapter is a page of the book with a kernel; the others are plain text
CHAPTERS := $(sort $(patsubst book/%.md,%,$(shell sed -n 's/^[- ]*[a-z]*: *\(book[/][^ ]*\).*/\1.md/p' _toc.yml | xargs grep -ls '^kernelspec:')))
NOTEBOOKS := $(CHAPTERS:%=$(BUILD)/executed/%.ipynb)
# what has to be made again, as TARGET=reason; without the last word "checked" nothing is known, and all is made
STALE := $(shell $(firstword $(wildcard $(PY)) $(PYTHON)) -m book.run.stale $(BUILD) $(CHAPTERS))
.PHONY: $(if $(filter checked,$(STALE)),$(foreach word,$(filter-out checked,$(STALE)),$(firstword $(subst =, ,$(word)))),$(NOTEBOOKS) $(BUILD)/html/index.html)

.PHONY: help
help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1@/p' $(MAKEFILE_LIST) | column -t -s @
	@echo '  profiles: PROFILE=smoke, quick (default) or paper'

# --- the environment ---

# pip's own words, without what is neither progress nor trouble
PIP_INSTALL := env -u PIP_TARGET -u PIP_PREFIX -u PIP_ROOT PIP_USER=0 $(PY) -I -m pip install --no-deps --progress-bar off
QUIET := 2>&1 | sed -u -E -e 's/ \(from -r .*//' \
	-e '/^(Requirement already|Looking in|Processing|Obtaining|Installing collected|Successfully|Building)/d' \
	-e '/^ +(Using cached|Downloading|Installing build|Checking if|Preparing|Building|Created wheel|Stored in)/d' \
	-e '/^ +(Attempting|Found|Uninstalling|Successfully)/d' \
	-e '/neither a file nor a directory|Retrying \(Retry|\[notice\]/d'
TORCH := $(shell sed -n 's/^torch==\([^ ]*\).*/torch==\1/p' requirements.lock)

# an environment that was moved or copied, or has lost its Python, would run what lies elsewhere
MOVED := $(if $(wildcard $(INSTALLED)),$(shell test -x $(PY) && test "$$(head -n 1 $(INSTALLED))" -ef $(VENV) || echo moved))
# of what it was made, by content: times say little
WANTED = cat requirements.lock pyproject.toml | sha256sum
CHANGED := $(if $(wildcard $(INSTALLED)),$(shell test "$$(sed -n 2p $(INSTALLED))" = "$$($(WANTED))" || echo changed))
HAS_PIP := $(PY) -I -m pip --version > /dev/null 2>&1

# An installation that was stopped may have left half a package that pip takes for a whole one
.PHONY: $(if $(MOVED)$(CHANGED),$(INSTALLED))
$(INSTALLED):
	@echo "$(VENV): installing what requirements.lock names (about 2 minutes when new)"
	@if [ -n "$(MOVED)" -a -e $(VENV)/pyvenv.cfg ]; then said="$(VENV) was moved or has lost its Python"; \
	  if [ ! -e $(MADE) -a -z "$(FORCE)" ]; then echo "error: $$said, and was not made by make:" \
	    "make it again, name another with VENV=..., or have it replaced with FORCE=1" >&2; exit 2; fi; \
	  echo "$$said: making it again"; rm -rf $(VENV); fi
	@if [ -e $(MADE) ] && ! { [ -e $@ ] && $(HAS_PIP); }; then \
	  echo "$(VENV): was left half made, and is made anew"; rm -rf $(VENV); fi
	@if [ ! -e $(VENV) ]; then python='$(PYTHON)'; \
	  "$$python" -c '$(SUITS)' 2> /dev/null || { echo "error: no Python 3.11 to 3.13$${python:+ is $$python}:" \
	    "install Debian's packages python3.11 and python3.11-venv, or say where one is: make PYTHON=..." >&2; exit 2; }; \
	  "$$python" -c 'import ensurepip, venv' 2> /dev/null || { echo "error: $$python cannot make environments: install Debian's package" \
	    "$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'), then run make again" >&2; exit 2; }; \
	  mkdir -p $(VENV); touch $(MADE); "$$python" -m venv $(VENV); fi
	@$(HAS_PIP) || { echo "error: $(VENV) has no Python with pip, and was not made by make:" \
	  "remove it with make clean-venv FORCE=1, or name another with VENV=..." >&2; exit 2; }
	@rm -f $@
	@$(PIP_INSTALL) --retries 1 --index-url $(TORCH_INDEX) $(TORCH) $(QUIET)
	@$(PIP_INSTALL) --require-hashes -r requirements.lock $(QUIET)
	@$(PIP_INSTALL) --no-build-isolation -e . $(QUIET)
	@$(PY) -I -c 'import meta_bandit, jupytext' || { echo "error: what was installed is not in $(VENV):" \
	  "what does $(PY) -m pip config list say?" >&2; exit 2; }
	@{ realpath $(VENV); $(WANTED); } > $@
	@echo "$(VENV): ready"

.PHONY: venv clean-venv lock peers
venv: $(INSTALLED)  ## make .venv from the lock file

clean-venv:  ## remove .venv, if make made it
	@if [ -e $(VENV) ] && [ ! -e $(MADE) ] && ! { [ -n "$(FORCE)" ] && [ -e $(VENV)/pyvenv.cfg -o -d $(VENV)/conda-meta ]; }; then \
	  echo "error: $(VENV) was not made by make, and stays; FORCE=1 removes an environment all the same" >&2; exit 2; fi
	@rm -rf $(VENV)

# all but the peers of the benchmarks, which bring a second machine-learning framework
LOCKED_EXTRAS := book dask dev test

# a folder of wheels that pip was told about stands in for PyTorch's index where that cannot be reached
lock: $(INSTALLED)  ## remake requirements.lock from pyproject.toml
	$(VENV)/bin/uv pip compile pyproject.toml $(LOCKED_EXTRAS:%=--extra %) --output-file requirements.lock \
	  --python-version 3.11.7 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	  --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	  $(if $(PIP_FIND_LINKS),--no-sources --find-links $(PIP_FIND_LINKS)) $(LOCK_OPTIONS) > /dev/null

# the versions in the lock stay as they are
peers: $(INSTALLED)  ## add to .venv the JAX trainer's packages, for benchmarks/training.py
	@sed 's/ \\$$//; /^ *--hash/d' requirements.lock > $(VENV)/constraints.txt
	@$(VENV)/bin/uv pip install --quiet --no-sources --python $(PY) \
	  --constraint $(VENV)/constraints.txt -e '.[peers]'

# --- the book ---

.PHONY: executed book pdf zip serve strays
executed: $(NOTEBOOKS)  ## run the chapters that changed, without making pages

book: $(BUILD)/html/index.html  ## run the chapters that changed and build the book
	@echo "book: $(CURDIR)/$<"

DOWNLOAD := $(BUILD)/html/downloads/learning-not-to-learn

pdf: book  ## the whole book as one PDF; needs Chromium
	@test -f $(DOWNLOAD).pdf || { echo "no PDF: there was no Chromium when the book was built" >&2; exit 2; }
	@echo "pdf: $(CURDIR)/$(DOWNLOAD).pdf"

zip: book  ## the book as a zip, to be read without a server
	@echo "zip: $(CURDIR)/$(DOWNLOAD).zip"

serve: book  ## show the book at 127.0.0.1, port PORT (8000)
	@! (: < /dev/tcp/127.0.0.1/$(PORT)) 2> /dev/null || { \
	  echo "error: port $(PORT) is in use: name another, as in make serve PORT=8001" >&2; exit 2; }
	$(PY) -m http.server --bind 127.0.0.1 --directory $(BUILD)/html $(PORT)

why = $(subst |, ,$(or $(patsubst $@=%,%,$(filter $@=%,$(STALE))),not there yet))

# no prerequisites, as times say little: what is stale is a phony target
$(NOTEBOOKS): $(BUILD)/executed/%.ipynb: | $(INSTALLED) strays
	@echo "$*: running, because $(why)"
	@$(PY) -m book.run.execute book/$*.md $@ --force --profile $(PROFILE)

$(BUILD)/html/index.html: | $(NOTEBOOKS) $(INSTALLED) strays
	@echo "pages: building, because $(why)"
	@$(PY) -m book.pages.build $(BUILD) $(NOTEBOOKS)

strays:  ## say what in book/ belongs to no page, before anything runs
	@$(PY) -m book.run.stale --strays

.PHONY: chapter notebooks
chapter: export OUT := $(or $(OUT),$(CHAPTER:%=_build/chapter/%.ipynb))
chapter: export CHAPTER := $(CHAPTER)
# as it was typed: Make would expand its dollars
chapter: override export PARAMS := $(value PARAMS)
chapter: | $(INSTALLED)  ## run one chapter your way: CHAPTER=the-bandit PARAMS="lifetime=50 seed=3" OUT=mine.ipynb
	@test -n "$$CHAPTER" || { echo 'say which: make chapter CHAPTER=NAME, one of: $(CHAPTERS)' >&2; exit 2; }
	@$(PY) -m book.run.execute "book/$$CHAPTER.md" "$$OUT" --parameters="$$PARAMS" --profile $(PROFILE) $(if $(FORCE),--force)
	@echo "notebook: $$(realpath "$$OUT")"
	@sha256sum "$$OUT" >> $(WRITTEN)

# What make wrote, by content: a notebook that is not there any more as it was written is a reader's
WRITTEN := _build/written.sha256
mine = { sha256sum $(1) | grep -qsxFf - $(WRITTEN) || [ -n "$(FORCE)" ]; }
stays = echo "$(1): was changed or run since make wrote it, and stays; FORCE=1 $(2) it" >&2

# jupytext.toml pairs the two folders: Jupyter saves what is changed here into book/ too
notebooks: | $(INSTALLED)  ## unexecuted notebooks/*.ipynb, for Jupyter or Colab
	@files=(); for file in $(CHAPTERS:%=notebooks/%.ipynb); do \
	  if [ ! -e $$file ] || $(call mine,$$file); then files+=($$file); else $(call stays,$$file,replaces); fi; done; \
	$(PY) -m book.pages.launch "$${files[@]}"; mkdir -p _build; \
	if [ -n "$${files[*]}" ]; then sha256sum "$${files[@]}" >> $(WRITTEN); fi
	@echo "notebooks: $(CURDIR)/notebooks"

.PHONY: results
RESULTS ?= plane plane-direct plane-short across across-direct lifetimes-fraction lifetimes-elapsed lifetimes-remaining every-lifetime every-task every-death forage treasure-room many-arms many-arms-map-0 many-arms-map-1 many-arms-map-2 many-arms-map-3 many-arms-map-4 length-600 length-1200 length-2400 length-4800 length-9600 strip-0 strip-1 strip-2 strip-3 strip-4 strip-5 strip-6 strip-7 strip-8 strip-9 short paper-grid-0 paper-grid-1 paper-grid-2 paper-grid-3 paper-grid-4 paper-direct-0 paper-direct-1 paper-direct-2 paper-direct-3 paper-direct-4

# Each is the named study of that name, and is kept in git; of those that chapters look into, the agents, too.
# Nothing here depends on code: a change of it alone shall not cost hours. The command leaves a finished file as
# it is, if the settings in it are those of the study, and goes on with one that was stopped. To recompute one
# from nothing, remove it first.
results: | $(INSTALLED)  ## train what book/results lacks (hours; goes on after a stop): RESULTS="plane across"
	@for name in $(RESULTS); do $(PY) -m meta_bandit.cli study $$name --out book/results/$$name.nc; done

.PHONY: readme-figure
readme-figure: $(BUILD)/executed/index.ipynb  ## remake the README's figure from the front page
	@$(PY) -m book.pages.downloads $< book/assets/exploration-map.png

# --- checks ---

# a process of tests for each core, 8 at most, as each takes a gigabyte; tests/conftest.py says which runs what
SIDE_BY_SIDE := -n logical --maxprocesses 8 --no-loadscope-reorder
# a chapter for each core, where make was not told how many
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: test test-slow test-browser lint versions
# the smoke book is not printed, which takes as long as its pages: test-browser looks at the PDF of a book to be read
test: ONLY = "not slow"
test:  ## build the smoke book, then run the tests, the browser's included
test-slow: ONLY = slow $(CHAPTERS:%=_build/smoke/executed/%.ipynb)
test-slow:  ## run the others: chapters run again (nbval), work is killed, all pages are looked at
test test-slow: $(INSTALLED)
	@$(MAKE) --no-print-directory $(JOBS) book PROFILE=smoke CHROMIUM=
	@PYTHONUTF8=1 OMP_NUM_THREADS=1 $(PY) -m pytest $(SIDE_BY_SIDE) --durations=20 \
	  --nbval --nbval-current-env tests -m $(ONLY)

test-browser: | $(INSTALLED)  ## run the browser checks on the book of this PROFILE, and those of its PDF
	@BOOK_HTML=$(BUILD)/html $(PY) -m pytest $(SIDE_BY_SIDE) tests/book/test_browser.py tests/book/test_reading.py tests/book/test_downloads.py

lint: $(INSTALLED)  ## ruff and mypy
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy

# minutes for each, and a gigabyte; NOX="-s tests-3.13" runs some
versions: | $(INSTALLED)  ## run the quick tests under Python 3.11 to 3.13, with the lock's and the newest packages
	@TORCH_INDEX=$(TORCH_INDEX) $(VENV)/bin/uv run --quiet --no-project noxfile.py $(NOX)

.PHONY: clean
clean:  ## remove what was built, not .venv nor what a reader changed
	@for file in notebooks/*.ipynb _build/chapter/*.ipynb; do \
	  if [ ! -e "$$file" ]; then continue; fi; \
	  if $(call mine,"$$file"); then rm -f "$$file" "$${file%.ipynb}".{run,inputs}.json; \
	  else $(call stays,$$file,removes); fi; done
	@if [ -d _build ]; then find _build -mindepth 1 -maxdepth 1 ! -name chapter -exec rm -rf {} +; fi
	@rmdir --ignore-fail-on-non-empty _build/chapter _build notebooks 2> /dev/null || true
