NOTES=/var/lib/docker-host-provisioner
# What tmpfiles.d makes is noted, so that removing the package removes that and no more.
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
