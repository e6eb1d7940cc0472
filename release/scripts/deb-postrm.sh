#!/bin/sh
set -e

TIMER=provisioner-check.timer
NOTES=/var/lib/docker-host-provisioner

if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || true
fi
if [ "$1" = remove ]; then
    if command -v deb-systemd-helper >/dev/null; then
        deb-systemd-helper mask "$TIMER" >/dev/null || true
    fi
fi
if [ "$1" = purge ]; then
    if command -v deb-systemd-helper >/dev/null; then
        deb-systemd-helper purge "$TIMER" >/dev/null || true
        deb-systemd-helper unmask "$TIMER" >/dev/null || true
    fi
    rm -rf /var/lib/provisioner /var/lib/provisioner-check /var/lib/private/provisioner-check /run/provisioner
    rm -f /var/lib/systemd/timers/stamp-provisioner-check.timer
    if [ -f "$NOTES/folders" ]; then
        sort -r "$NOTES/folders" | while read -r folder; do
            rmdir "$folder" 2>/dev/null || true
        done
    fi
    rm -rf "$NOTES"
    rmdir /etc/provisioner 2>/dev/null || true
    if [ -d /run/systemd/system ]; then
        journalctl --update-catalog || true
    fi
fi
