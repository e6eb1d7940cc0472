"""What the pages' names under example.com stand for on a host: a name server, a registry, and a proxy."""

from tests.helpers.stage import BRIDGE
from tests.hosts import Host

# Answers every question about a name below example.com with the host's own address.
NAMES = f"""\
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 53))
while True:
    question, who = server.recvfrom(512)
    end = question.index(b"\\0", 12) + 5
    known = b"\\x07example\\x03com\\0" in question and question[end - 4 : end - 2] == b"\\0\\x01"
    flags = b"\\x81\\x80" if b"example" in question else b"\\x81\\x83"
    answer = b"\\xc0\\x0c\\0\\x01\\0\\x01\\0\\0\\0\\x3c\\0\\x04" + socket.inet_aton("{BRIDGE}")
    counts = b"\\0\\x01" + (b"\\0\\x01" if known else b"\\0\\0") + b"\\0\\0\\0\\0"
    server.sendto(question[:2] + flags + counts + question[12:end] + (answer if known else b""), who)
"""
# A proxy. It notes what it was asked for in plain HTTP, which is what the hosts' registry speaks.
PROXY = """\
import http.server, select, shutil, socket, urllib.request
class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("/run/proxied", "a") as log:
            log.write(self.path + "\\n")
        kept = {k: v for k, v in self.headers.items() if not k.lower().startswith(("proxy-", "connection", "host"))}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(self.path, headers=kept, method=self.command))
        except urllib.error.HTTPError as error:
            answer = error
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        shutil.copyfileobj(answer, self.wfile)
    do_HEAD = do_GET
    def do_CONNECT(self):
        name, port = self.path.rsplit(":", 1)
        with socket.create_connection((name, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while True:
                for one in select.select([*ends], [], [])[0]:
                    if not (data := one.recv(65536)):
                        return
                    ends[one].sendall(data)
http.server.ThreadingHTTPServer(("", 3128), Proxy).serve_forever()
"""
AUTHORITY = """\
set -e
cd /root
pair='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -quiet -x509 $pair -days 9 -subj /CN=ours -keyout ca.key -out ca.crt
openssl req -quiet $pair -subj /CN=registry -keyout key.pem -out request
echo subjectAltName=DNS:registry.example.com > names
openssl x509 -req -in request -CA ca.crt -CAkey ca.key -days 9 -extfile names -out cert.pem
sed "s|addr: .*|addr: ':443'|" /etc/docker/registry/config.yml > tls.yml
printf '  tls:\\n    certificate: /root/cert.pem\\n    key: /root/key.pem\\n' >> tls.yml
systemd-run --quiet docker-registry serve /root/tls.yml
"""


def names(host: Host) -> None:
    """Let the host and its containers resolve names below example.com."""
    serve(host, "names", NAMES)
    host.put("/etc/resolv.conf", f"nameserver {BRIDGE}\n")
    host.wait("its name server", lambda: host.sh("getent hosts registry.example.com").status == 0)


def proxy(host: Host) -> None:
    """Start proxy.example.com:3128."""
    names(host)
    serve(host, "proxy", PROXY)
    host.wait("its proxy", lambda: host.sh("ss -Hltn sport = :3128").stdout != "")


def registry(host: Host) -> None:
    """Start registry.example.com, with a certificate of an authority of its own: /root/ca.crt."""
    names(host)
    host.sh(AUTHORITY, check=True)
    host.wait("its registry", lambda: host.sh("ss -Hltn sport = :443").stdout != "")


def serve(host: Host, name: str, program: str) -> None:
    """Run a Python program on a host until its end."""
    host.put(f"/run/{name}.py", program)
    host.sh(f"systemd-run --quiet --unit={name} python3 /run/{name}.py", check=True)
