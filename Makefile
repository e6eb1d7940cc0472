PYTHON = /usr/bin/python3
PREFIX = /usr/local
HOST = trixie
LIB = $(PREFIX)/lib/provisioner

define LAUNCHER
#!$(PYTHON) -IS
import gc
import sys

gc.disable()
sys.path.insert(0, "$(LIB)")

from provisioner.cli.main import entry

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
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in systemd/*.service systemd/*.timer; do \
	  sed 's|@PREFIX@|$(PREFIX)|' $$unit > $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit#*/}; \
	done
	for wants in sysinit.target:provisioner-recover multi-user.target:provisioner-recovered; do \
	  install -d $(DESTDIR)$(PREFIX)/lib/systemd/system/$${wants%:*}.wants; \
	  ln -sf ../$${wants#*:}.service $(DESTDIR)$(PREFIX)/lib/systemd/system/$${wants%:*}.wants/; \
	done
	install -D -m 644 systemd/provisioner.tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/provisioner.conf
	find systemd/examples -type f -exec install -D -m 644 {} $(DESTDIR)$(PREFIX)/share/doc/provisioner/{} \;
	install -D -m 644 systemd/provisioner.catalog $(DESTDIR)/usr/lib/systemd/catalog/provisioner.catalog
	install -D -m 644 docs/man/provisioner.1 $(DESTDIR)$(PREFIX)/share/man/man1/provisioner.1
	[ -n "$(DESTDIR)" ] || $(PYTHON) -Im compileall -q $(LIB)
	[ -n "$(DESTDIR)" ] || ! [ -d /run/systemd/system ] || \
	  { systemd-tmpfiles --create provisioner.conf; journalctl --update-catalog; systemctl daemon-reload; }

clean:  ## remove the development environment; the hosts' cache stays
	rm -rf .venv

.PHONY: help demo test check lint develop hosts shell install clean
