"""Hosts as strangers have them: what would make the builder fail is named, or done, before Docker is restarted."""

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from provisioner.config import drivers
from provisioner.platforms import elf
from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, LAYERS, Answer, agent, job, started, steps
from tests.helpers.builders import CONFIG, CONTAINER, configure, prepare
from tests.hosts import parts
from tests.platforms.test_elf import text_section

pytestmark = [pytest.mark.host, pytest.mark.timeout(400)]
PLUGIN = "/usr/libexec/docker/cli-plugins/docker-buildx"
UNSTAMPED = f"""#!/bin/sh
echo "$*" >>/tmp/argv
case "$*" in *version*) echo 'github.com/docker/buildx v0.0.0+unknown';; *) exec {PLUGIN}.real "$@";; esac
"""
DROPIN = "/etc/systemd/system/docker.service.d/http-proxy.conf"
PROXY = 'Environment="HTTPS_PROXY=http://me:secret@192.0.2.1:3128" "NO_PROXY=localhost,127.0.0.0/8"'


def blocked(document: dict[str, object], key: str) -> set[str]:
    """The codes of what stands in the way of the builder."""
    changes = document[key]
    assert isinstance(changes, list)
    return {b["code"] for c in changes if c["resource"] == "builder" for b in c["blocked"]}


def unswitched(answer: Answer, code: str, key: str = "left") -> bool:
    """Whether the builder cannot be made for this reason, and Docker is not restarted for the image store alone."""
    switch = [b["code"] for c in answer.document[key] if c["resource"] == "image store" for b in c["blocked"]]
    assert (blocked(answer.document, key), set(switch)) == ({code}, {"builder-first"}), answer.stderr
    return answer.status == 5 if key == "left" else "restart" not in str(steps(answer))


def test_what_is_odd_about_a_host_costs_no_restart(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True)
    settings = host.get(DAEMON_JSON)
    configure(host, driver_options={"network": "host"})
    # a buildx that was never given a version is not old
    host.sh(f"mv {PLUGIN} {PLUGIN}.real", check=True)
    host.put(PLUGIN, UNSTAMPED, 0o755)
    assert blocked(agent(host, "plan").document, "changes") == set()
    # a credential helper that is not there is named before anything is done
    host.put("/root/.docker/config.json", '{"credsStore": "desktop.exe"}')
    before = started(host)
    configure(host)
    assert blocked(agent(host, "plan").document, "changes") == {"no-credential-helper"}
    assert unswitched(agent(host, "apply"), "no-credential-helper")
    assert started(host) == before
    host.sh("rm /root/.docker/config.json", check=True)
    # the registry is down
    host.sh("systemctl stop docker-registry", check=True)
    assert unswitched(agent(host, "apply"), "no-image")
    assert (started(host), host.get(DAEMON_JSON)) == (before, settings)
    assert agent(host, "rollback").status == 0
    # the image is here, and goes into the new store without a registry
    host.sh(f"systemctl start docker-registry; until docker pull -q {drivers.IMAGE}; do sleep .1; done", check=True)
    host.sh("systemctl stop docker-registry", check=True)
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert any("into containerd's store" in step for step in steps(done))
    assert agent(host, "rollback").status == 0
    host.sh(f"docker image rm {drivers.IMAGE}; systemctl start docker-registry", check=True)
    # no buildx at all, and nobody may install it
    host.sh(f"mv {PLUGIN} {PLUGIN}.away", check=True)
    host.put("/etc/provisioner/provisioner.yaml", '{"packages": "never", "platforms": ["linux/amd64"]}')
    answer = agent(host, "plan")
    assert blocked(answer.document, "changes") == {"no-buildx"}
    assert unswitched(answer, "no-buildx", "changes")
    host.sh(f"mv {PLUGIN}.away {PLUGIN}", check=True)
    # the proxies of the unit reach the builder, passwords and all
    host.put(DROPIN, f"[Service]\n{PROXY}\n")
    host.sh("systemctl daemon-reload; systemctl restart docker", check=True)
    configure(host)
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    said = host.sh(f"docker inspect -f '{{{{json .Config.Env}}}}' {CONTAINER}", check=True).stdout
    assert {"https_proxy=http://me:secret@192.0.2.1:3128", "no_proxy=localhost,127.0.0.0/8"} <= set(json.loads(said))
    assert "secret" not in done.stderr
    argv = (host.get("/tmp/argv") or b"").decode()  # what `ps` shows to everybody
    assert "env.https_proxy=***" in argv
    assert "secret" not in argv
    assert agent(host, "check").status == 0
    # somebody pauses it
    host.sh(f"docker pause {CONTAINER}", check=True)
    assert steps(agent(host, "apply")) == [f"run docker container unpause {CONTAINER}"]


RECORD = "/var/lib/provisioner-check/check.json"
GROUP = "/etc/systemd/system/docker.socket.d/group.conf"
REGROUPED = "systemctl daemon-reload; systemctl stop docker; systemctl restart docker.socket; systemctl start docker"


def test_the_hourly_check_joins_the_group_of_the_socket_and_a_run_gets_the_daemon_s_dns(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True)
    host.sh("groupadd builders; useradd --create-home eve", check=True)
    host.put(GROUP, "[Socket]\nSocketGroup=builders\n")
    host.put("/etc/docker/daemon.json", '{"dns": ["192.0.2.53"]}')
    host.sh(f"{REGROUPED}; groupdel docker", check=True)
    configure(host, users=["root", "eve"])
    done = agent(host, "apply")
    assert done.status == 5, done.stderr
    assert "usermod --append --groups builders eve" in json.dumps(done.document["left"])
    configure(host)  # a home that the unit hides is unknown, which is a result of its own
    started_check = job(host, "provisioner-check")
    assert started_check.status == 0, host.sh("systemctl status provisioner-check; journalctl -t provisioner").stdout
    record = json.loads(host.get(RECORD) or b"{}")
    assert record["status"] in ("in-sync", "drifted"), record
    host.sh(f"rm -f {RECORD}", check=True)
    job(host, "provisioner-check", check=True)
    assert host.get(RECORD) is not None
    prepare(host)
    host.put("/b/Dockerfile", "FROM scratch\nCOPY sh /bin/sh\nRUN cat /etc/resolv.conf\n")
    said = host.run("docker", "buildx", "build", "--progress=plain", "/b", check=True, timeout=120).stderr
    assert "nameserver 192.0.2.53" in said
    assert agent(host, "rollback").status == 0
    assert host.sh("ls /etc/systemd/system/provisioner-check.service.d 2>/dev/null").stdout == ""


# An emulator that runs small programs and kills larger ones: it opens the file that it is given, and looks at its size.
STAND_IN = """
	mov	16(%rsp), %rdi
	xor	%esi, %esi
	mov	$2, %eax
	syscall
	mov	%eax, %edi
	xor	%esi, %esi
	mov	$2, %edx
	mov	$8, %eax
	syscall
	cmp	$1024, %rax
	jg	crash
	mov	$1, %eax
	mov	$1, %edi
	lea	name(%rip), %rsi
	mov	$6, %edx
	syscall
	mov	$0, %eax
	mov	$0, %edi
	lea	-16(%rsp), %rsi
	mov	$1, %edx
	syscall
	mov	$60, %eax
	xor	%edi, %edi
	syscall
crash:	xor	%eax, %eax
	mov	(%rax), %rax
name:	.ascii	"arm64\\n"
"""


# The real QEMU with a fault: before its first instruction, it gives itself a filter for its system calls. QEMU starts a
# thread of its own with a large stack, so what fails is only a small one, as it gives to a thread of its program.
FAULTY = """
	push	%rdx
	mov	$157, %eax
	mov	$38, %edi
	mov	$1, %esi
	xor	%edx, %edx
	xor	%r10d, %r10d
	xor	%r8d, %r8d
	syscall
	lea	filter(%rip), %rax
	push	%rax
	push	$(end - filter) / 8
	mov	$317, %eax
	mov	$1, %edi
	xor	%esi, %esi
	mov	%rsp, %rdx
	syscall
	pop	%rax
	pop	%rax
	pop	%rdx
	jmp	end
	.balign	8
filter:	{filter}
	.short	6, 0; .long 0x7fff0000
end:
"""
LOAD, EQUAL, ABOVE, BITS, ANSWER = 0x20, 0x15, 0x25, 0x45, 0x06  # of classic BPF
NUMBER, FIRST, SECOND, FOURTH = 0, 16, 24, 40  # where the call's number and arguments are
NOTES = 4  # the kind of a segment
MMAP, CLONE, KILL, MAP_STACK, CLONE_VM, REFUSED = 9, 56, 62, 0x20000, 0x100, 0x00050000
# Each fault: the rows of the filter, each with the rows to skip if it is true or not, and what the proof says.
FAULTS = {
    "it cannot start a thread": [
        *((LOAD, 0, 0, NUMBER), (EQUAL, 0, 5, MMAP), (LOAD, 0, 0, FOURTH), (BITS, 0, 3, MAP_STACK)),
        *((LOAD, 0, 0, SECOND), (ABOVE, 1, 0, 1 << 20), (ANSWER, 0, 0, REFUSED | 12)),
    ],
    "it cannot fork": [
        *((LOAD, 0, 0, NUMBER), (EQUAL, 0, 3, CLONE), (LOAD, 0, 0, FIRST), (BITS, 1, 0, CLONE_VM)),
        (ANSWER, 0, 0, REFUSED | 11),
    ],
    "it does not get signals": [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 1, KILL), (ANSWER, 0, 0, REFUSED)],
}


def assembled(folder: Path, source: str) -> bytes:
    """The machine code of this CPU, from assembly."""
    (folder / "a.s").write_text(source)
    argv = ("as", "--64", "-o", folder / "a.o", folder / "a.s")
    subprocess.run(argv, check=True, timeout=60)
    return text_section((folder / "a.o").read_bytes())


def faulty(folder: Path, fault: str) -> bytes:
    """The real QEMU for arm64 with one fault. The code takes the place of the program's notes, and runs first."""
    rows = (f".short {code}; .byte {yes}, {no}; .long {value}" for code, yes, no, value in FAULTS[fault])
    code = assembled(folder, FAULTY.replace("{filter}", "; ".join(rows)))
    qemu = bytearray((parts.qemu() / "usr/bin/qemu-aarch64").read_bytes())
    entry, first = struct.unpack_from("<QQ", qemu, 24)
    (count,) = struct.unpack_from("<H", qemu, 56)
    rows_of_table = [(first + 56 * i, struct.unpack_from("<IIQQQQQQ", qemu, first + 56 * i)) for i in range(count)]
    where = next(at for at, row in rows_of_table if row[0] == NOTES)
    start = (len(qemu) + elf.PAGE - 1) // elf.PAGE * elf.PAGE
    address = (max(row[3] + row[6] for _, row in rows_of_table) // elf.PAGE + 16) * elf.PAGE
    code += b"\xe9" + struct.pack("<i", entry - (address + len(code) + 5))
    struct.pack_into("<Q", qemu, 24, address)
    struct.pack_into("<IIQQQQQQ", qemu, where, 1, 5, start, address, address, len(code), len(code), elf.PAGE)
    return bytes(qemu.ljust(start, b"\0") + code)


@pytest.mark.skipif(shutil.which("as") is None, reason="needs GNU's assembler")
def test_an_emulator_that_kills_ordinary_programs_is_not_proven(boot: Boot, tmp_path: Path) -> None:
    program = elf.file("amd64", assembled(tmp_path, STAND_IN))
    host = boot("forky", agent=True)
    host.put("/opt/qemu/qemu-aarch64", program, 0o755)
    host.put(CONFIG, "emulators: {source: directory, directory: /opt/qemu}\n")
    done = agent(host, "apply")
    assert done.status == 3, done.stderr
    assert "/probe" in done.stderr
    assert "qemu-aarch64" not in host.sh("ls /proc/sys/fs/binfmt_misc").stdout
    for fault in FAULTS:
        host.put("/opt/qemu/qemu-aarch64", faulty(tmp_path, fault), 0o755)
        done = agent(host, "apply")
        assert (done.status, fault in done.stderr) == (3, True), (fault, done.stderr)


NAME = "hub.example"
TUNNEL = """\
import http.server, socket, threading
class Proxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self):
        with open("/tmp/tunnels", "a") as log:
            log.write(self.path + "\\n")
        if self.path != "hub.example:443":
            return self.send_error(403)
        there = socket.create_connection(("127.0.0.1", 5443))
        self.send_response(200)
        self.end_headers()
        def copy(a, b):
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        back = threading.Thread(target=copy, args=(there, self.connection))
        back.start()
        copy(self.connection, there)
        back.join()
http.server.ThreadingHTTPServer(("0.0.0.0", 3128), Proxy).serve_forever()
"""
PRIVATE = f"""\
set -e
cd /etc/docker/registry
ec="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $ec -days 2 -subj /CN=corp -keyout ca-key.pem -out ca.pem
printf 'subjectAltName=DNS:{NAME}' > san
openssl req $ec -subj /CN={NAME} -keyout key.pem -out csr.pem
openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile san -out cert.pem
sed "s|addr: 127.0.0.1:5000|addr: 127.0.0.1:5443|" config.yml > tls.yml
printf '  tls:\\n    certificate: %s/cert.pem\\n    key: %s/key.pem\\n' $PWD $PWD >> tls.yml
systemd-run --quiet docker-registry serve $PWD/tls.yml
mkdir -p /usr/local/share/ca-certificates /etc/ssl/certs
cp ca.pem /usr/local/share/ca-certificates/corp.crt
cat ca.pem >> /etc/ssl/certs/ca-certificates.crt
systemd-run --quiet python3 -I /tunnel.py
"""
BASE = "FROM scratch\nARG TARGETARCH\nCOPY probe-$TARGETARCH /probe\n"


def test_behind_a_proxy_only_with_a_registry_that_the_host_trusts_all_of_it_works(boot: Boot) -> None:
    host = boot("trixie", layers=(*LAYERS, *parts.network()), agent=True)
    host.put("/tunnel.py", TUNNEL)
    host.sh(PRIVATE, check=True)
    host.put(DROPIN, '[Service]\nEnvironment="HTTPS_PROXY=http://172.17.0.1:3128" "NO_PROXY=localhost,127.0.0.0/8"\n')
    host.sh("systemctl daemon-reload; systemctl restart docker", check=True)
    listening = "ss -Hltn '( sport = :5443 or sport = :3128 )' | wc -l"
    host.wait("registry and proxy", lambda: host.sh(listening).stdout.strip() == "2")
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert agent(host, "check").status == 0
    pushed = agent(host, "prove", f"--registry={NAME}")
    assert pushed.status == 0, pushed.stderr
    assert [row["runs"] for row in pushed.document["platforms"]] == [True, True]
    for architecture in ("amd64", "arm64"):
        host.put(f"/base/probe-{architecture}", elf.program(architecture), 0o755)
    host.put("/base/Dockerfile", BASE)
    host.put("/app/Dockerfile", f'FROM {NAME}/base:1\nRUN ["/probe"]\n')
    both = ("docker", "buildx", "build", "--platform=linux/amd64,linux/arm64", "--push")
    host.run(*both, f"--tag={NAME}/base:1", "/base", check=True, timeout=120)
    pulled = agent(host, "prove", f"--pull={NAME}/base:1")
    assert pulled.status == 0, pulled.stderr
    host.run(*both, f"--tag={NAME}/app:1", "/app", check=True, timeout=120)
    assert f"{NAME}:443" in (host.get("/tmp/tunnels") or b"").decode()
    assert agent(host, "rollback").status == 0
