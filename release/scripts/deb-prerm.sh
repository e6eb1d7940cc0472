#!/bin/sh
set -e

if [ "$1" = remove ]; then
    if [ -d /run/systemd/system ]; then
        deb-systemd-invoke stop provisioner-check.timer provisioner-check.service provisioner-repair.service >/dev/null || true
    fi
    # A history entry that `provisioner remove` or a rollback has undone says so.
    over='"outcome": "(removed|undone|rolled back|accepted)"'
    if [ -n "$(grep -LE "$over" /var/lib/provisioner/receipts/*.jsonl 2>/dev/null)" ]; then
        echo "What provisioner set up on this host stays as it is. To undo it, install the package again and run"
        echo "\`provisioner remove\` before you remove or purge the package."
    fi
fi
if command -v py3clean >/dev/null; then
    py3clean -p docker-host-provisioner
fi
