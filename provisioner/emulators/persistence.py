"""Our service that registers emulators at boot, for hosts where binfmt.d alone is not enough.

The same script runs under every service manager. It needs no Docker, flushes nothing, and changes only the entries
that our own files name.
"""

from collections.abc import Mapping
from typing import NamedTuple

from provisioner.emulators import boot, unit
from provisioner.emulators.boot import SCRIPT
from provisioner.model import Reader
from provisioner.platforms.machine import BINFMT, BINFMT_D, OURS
from provisioner.steps import Obstacle, Step
from provisioner.steps.files import MakeDirectory, WriteFile
from provisioner.steps.programs import Run

SCRIPT_TEXT = f"""\
#!/bin/sh
# Written by provisioner: gives the kernel what {BINFMT_D}/{OURS}*.conf says. Other entries are left alone.
table={BINFMT}
[ -e "$table/register" ] || modprobe -q binfmt_misc
[ -e "$table/register" ] || mount -t binfmt_misc binfmt_misc "$table" || exit 1
status=0
for file in {BINFMT_D}/{OURS}*.conf; do
    [ -e "$file" ] || continue
    while read -r line; do
        case "$line" in :*) ;; *) continue ;; esac
        name=${{line#:}} name=${{name%%:*}}
        [ ! -e "$table/$name" ] || echo -1 >"$table/$name"
        printf %s "$line" >"$table/register" || status=1
    done <"$file"
done
exit $status
"""

UNIT = f"""\
# Written by provisioner, because systemd-binfmt.service does not do it here: {{reason}}.
[Unit]
Description=Register emulators of foreign architectures
# systemd-binfmt flushes the table when it starts.
After=local-fs.target systemd-binfmt.service proc-sys-fs-binfmt_misc.mount
{{mounts}}# Containers of foreign platforms may be started together with the engine.
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={SCRIPT}

[Install]
WantedBy=multi-user.target
"""

OPENRC = f"""\
#!/sbin/openrc-run
# Written by provisioner, because {{reason}}.
description="Register emulators of foreign architectures"

depend() {{{{
    need localmount
    after modules procfs netmount binfmt
    before docker
}}}}

start() {{{{
    ebegin "Registering emulators"
    {SCRIPT}
    eend $?
}}}}
"""

SYSVINIT = f"""\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          {boot.SERVICE}
# Required-Start:    $remote_fs
# Required-Stop:
# X-Start-Before:    docker
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: Register emulators of foreign architectures
### END INIT INFO
# Written by provisioner, because {{reason}}.
case "$1" in
start | restart | force-reload) exec {SCRIPT} ;;
stop) ;;
*) echo "usage: $0 start|stop|restart" >&2; exit 2 ;;
esac
"""


class Service(NamedTuple):
    """A service for one service manager: its file, mode and text, and the commands that enable and disable it."""

    path: str
    mode: int
    text: str
    enable: tuple[str, ...]
    disable: tuple[str, ...]


SERVICES: Mapping[str, Service] = {
    "systemd": Service(
        f"/etc/systemd/system/{boot.SERVICE}.service",
        0o644,
        UNIT,
        ("systemctl", "enable", f"{boot.SERVICE}.service"),
        ("systemctl", "disable", f"{boot.SERVICE}.service"),
    ),
    "openrc": Service(
        f"/etc/init.d/{boot.SERVICE}",
        0o755,
        OPENRC,
        ("rc-update", "add", boot.SERVICE, "default"),
        ("rc-update", "delete", boot.SERVICE, "default"),
    ),
    "sysvinit": Service(
        f"/etc/init.d/{boot.SERVICE}",
        0o755,
        SYSVINIT,
        ("update-rc.d", boot.SERVICE, "defaults"),
        ("update-rc.d", boot.SERVICE, "remove"),
    ),
}


def steps(host: Reader, interpreters: tuple[str, ...]) -> tuple[Step, ...] | Obstacle:
    """Return the steps that make the host register our files at boot; none if binfmt.d is enough."""
    reasons = [reason for reason in (boot.lack(host, i) for i in interpreters) if reason]
    if not reasons:
        return ()
    here = boot.registrar(host)
    if here is None:
        hint = f"let the host give each line of {BINFMT_D}/{OURS}*.conf to {BINFMT}/register when it boots"
        return Obstacle("not-at-boot", reasons[0], hint)
    service = SERVICES[here.name]
    made: list[Step] = []
    if host.stat(SCRIPT.rpartition("/")[0]) is None:
        made.append(MakeDirectory(SCRIPT.rpartition("/")[0]))
    undo = (Run(service.disable),)
    text = service.text.format(reason=reasons[0], mounts=_mounts(host, interpreters))
    return (
        *made,
        WriteFile(SCRIPT, SCRIPT_TEXT, 0o755),
        WriteFile(service.path, text, service.mode),
        Run(service.enable, undo=undo),
    )


def _mounts(host: Reader, interpreters: tuple[str, ...]) -> str:
    """Return the unit's lines that wait for network mounts: only those that an emulator is on."""
    points = dict.fromkeys(filter(None, (unit.remote(host, path) for path in interpreters)))
    return f"RequiresMountsFor={' '.join(points)}\nAfter=remote-fs.target\n" if points else ""
