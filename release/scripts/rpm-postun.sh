NOTES=/var/lib/docker-host-provisioner
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || :
fi
if [ "$1" -eq 0 ]; then
    # RPM has no purge. Keep the history in /var/lib/provisioner, because an apply may still have to be undone.
    rm -rf /var/lib/provisioner-check /var/lib/private/provisioner-check /run/provisioner
    rm -f /var/lib/systemd/timers/stamp-provisioner-check.timer
    if [ -f "$NOTES/folders" ]; then
        sort -r "$NOTES/folders" | while read -r folder; do
            rmdir "$folder" 2>/dev/null || :
        done
    fi
    rm -rf "$NOTES"
    if [ -d /run/systemd/system ]; then
        journalctl --update-catalog || :
    fi
fi
