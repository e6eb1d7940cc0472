#!/bin/sh
set -e

if [ "$1" = remove ]; then
    if [ -d /run/systemd/system ]; then
        deb-systemd-invoke stop provisioner-check.timer provisioner-check.service provisioner-repair.service >/dev/null || true
    fi
    if [ -n "$(find /var/lib/provisioner/receipts -name '*.jsonl' 2>/dev/null)" ]; then
        echo "What provisioner set up on this host stays as it is. To undo it, install the package again and run"
        echo "\`provisioner remove\` before you remove or purge the package."
    fi
fi
if command -v py3clean >/dev/null; then
    py3clean -p docker-host-provisioner
fi
