PYTHON = /usr/bin/python3
PREFIX = /usr/local
HOST = trixie
WORKERS = 2
CUTS = 100
BOOTS = 10

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

demo:  ## boot a throw-away Docker host and make it ready before your eyes (HOST=bookworm|trixie|forky|29)
	@$(PYTHON) -m tests.hosts demo $(HOST)

test: lint  ## everything, on real hosts, too
	@$(PYTHON) -m tests.hosts prepare
	@base=$$(mktemp --directory /tmp/p.XXXX) && { .venv/bin/python -m pytest -m "not soak" --numprocesses=$(WORKERS) --dist=loadfile \
	  --basetemp=$$base; status=$$?; rm -rf $$base; exit $$status; }  # short, for a socket's path has 107 bytes at most

soak:  ## what takes hours: every machine's whole round, 100 power cuts that are booted (CUTS= BOOTS=)
	@$(PYTHON) -m tests.hosts prepare-soak
	@PROVISIONER_CUTS=$(CUTS) PROVISIONER_BOOTS=$(BOOTS) .venv/bin/python -m pytest -s -m soak

check: lint  ## linters, types and unit tests
	@.venv/bin/python -m pytest -m "not host"

lint: develop
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@.venv/bin/mypy

develop:
	@$(PYTHON) -m tests.hosts develop

hosts:  ## build what hosts are made of, ahead of the tests
	@$(PYTHON) -m tests.hosts build

shell:  ## a prompt inside a booted host with the agent installed (HOST=…)
	@$(PYTHON) -m tests.hosts shell $(HOST)

install: python  ## the agent, for every user of this machine (DESTDIR=, PREFIX=)
	@$(PYTHON) -m release.install install --destdir=$(DESTDIR) --prefix=$(PREFIX) --python=$(PYTHON)

uninstall: python  ## remove what `make install` wrote (DESTDIR=, PREFIX=)
	@$(PYTHON) -m release.install uninstall --destdir=$(DESTDIR) --prefix=$(PREFIX)

packages: develop  ## everything that a release consists of, in dist/
	@.venv/bin/python -m tests.hosts package

site: develop  ## the website, in dist/site
	@.venv/bin/python -m release.site dist/site

pictures: develop  ## the pictures that are taken of real hosts and pages, in docs/pictures (HOST=…)
	@$(PYTHON) -m tests.hosts record $(HOST)
	@.venv/bin/python -m tests.pictures

benchmark: develop  ## every benchmark, and docs/benchmarks.md from them; give the machine nothing else to do
	@.venv/bin/python -m benchmarks

python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("provisioner needs Python 3.11 or newer; $(PYTHON) is %d.%d" % sys.version_info[:2])'

clean:  ## remove the development environment; the hosts' cache stays
	rm -rf .venv

.PHONY: help demo test soak check lint develop hosts shell install uninstall packages site pictures benchmark python clean
