if [ "$1" -eq 0 ]; then
    if [ -d /run/systemd/system ]; then
        systemctl disable --now provisioner-check.timer >/dev/null 2>&1 || :
        systemctl stop provisioner-check.service provisioner-repair.service >/dev/null 2>&1 || :
    fi
    find /usr/lib/provisioner -name __pycache__ -prune -exec rm -rf {} + || :
fi
