PYTHON = /usr/bin/python3
PREFIX = /usr/local
HOST = trixie
LIB = $(PREFIX)/lib/provisioner

define LAUNCHER
#!$(PYTHON) -I
import sys

sys.path.insert(0, "$(LIB)")

from provisioner.cli import entry

entry()
endef
export LAUNCHER

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

demo:  ## boot a throw-away Docker host and make it ready before your eyes (HOST=bookworm|trixie|forky|29)
	@$(PYTHON) -m tests.hosts demo $(HOST)

test: lint  ## everything, on real hosts, too
	@$(PYTHON) -m tests.hosts prepare
	@.venv/bin/python -m pytest

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

install:  ## the agent, for every user of this machine (DESTDIR=, PREFIX=)
	find provisioner -name __pycache__ -prune -o -type f -exec install -D -m 644 {} $(DESTDIR)$(LIB)/{} \;
	install -d $(DESTDIR)$(PREFIX)/bin
	echo "$$LAUNCHER" > $(DESTDIR)$(PREFIX)/bin/provisioner
	chmod 755 $(DESTDIR)$(PREFIX)/bin/provisioner

clean:  ## remove the development environment; the hosts' cache stays
	rm -rf .venv

.PHONY: help demo test check lint develop hosts shell install clean
