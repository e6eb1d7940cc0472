NOTES=/var/lib/docker-host-provisioner
# Note the directories that tmpfiles.d is about to make, so that a removal of the package removes only those.
for folder in /etc/docker /etc/binfmt.d /root/.docker /usr/local/lib/provisioner /usr/local/lib/provisioner/qemu; do
    if [ ! -d "$folder" ]; then
        mkdir -p "$NOTES"
        echo "$folder" >> "$NOTES/folders"
    fi
done
if [ -d /run/systemd/system ]; then
    systemd-tmpfiles --create provisioner.conf || :
    journalctl --update-catalog || :
    systemctl daemon-reload || :
    if [ "$1" -eq 1 ]; then
        systemctl preset provisioner-check.timer >/dev/null 2>&1 || :
    fi
fi
