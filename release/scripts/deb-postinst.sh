#!/bin/sh
set -e

TIMER=provisioner-check.timer
NOTES=/var/lib/docker-host-provisioner

if [ "$1" = configure ]; then
    if command -v py3compile >/dev/null; then
        py3compile -p docker-host-provisioner /usr/lib/provisioner
    fi
    # Note the directories that tmpfiles.d is about to make, so that a purge removes only those.
    for folder in /etc/docker /etc/binfmt.d /root/.docker /usr/local/lib/provisioner /usr/local/lib/provisioner/qemu; do
        if [ ! -d "$folder" ]; then
            mkdir -p "$NOTES"
            echo "$folder" >> "$NOTES/folders"
        fi
    done
    deb-systemd-helper unmask "$TIMER" >/dev/null || true
    if deb-systemd-helper --quiet was-enabled "$TIMER"; then
        deb-systemd-helper enable "$TIMER" >/dev/null || true
    else
        deb-systemd-helper update-state "$TIMER" >/dev/null || true
    fi
    if [ -d /run/systemd/system ]; then
        systemd-tmpfiles --create provisioner.conf || true
        journalctl --update-catalog || true
        systemctl --system daemon-reload || true
        deb-systemd-invoke start "$TIMER" >/dev/null || true
    fi
fi
