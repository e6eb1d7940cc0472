"""What a cluster's programs are told: certificates, kubeconfigs, units, and the files of a node. Data only."""

import json

ADDRESS = "10.99.0.1"  # of the control host, for every node and pod
API = f"https://{ADDRESS}:6443"
REGISTRY = f"{ADDRESS}:5001"  # the registry that builds push to
PODS = "10.244.{number}.0/24"
PKI = "/etc/kubernetes/pki"
MANAGER = "/etc/kubernetes/admin.json"
KUBECONFIG = "/root/.kube/config"
KUBELET_CONFIG = "/etc/kubernetes/kubelet.json"
PERSISTENT = "/var/lib/containerd/volumes"  # on a plain folder of the room, as BuildKit's own overlays need

# $1: the node's names. One certificate authority for servers, clients and kubelets.
CERTIFICATES = f"""\
set -e
mkdir -p {PKI}; cd {PKI}
new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $new -days 2 -subj /CN=cluster -addext keyUsage=critical,keyCertSign,digitalSignature \\
  -keyout ca.key -out ca.crt
issue() {{
  openssl req $new -subj "$2" -keyout $1.key -out $1.csr
  printf '%s\\n' "$3" > $1.ext
  openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile $1.ext -out $1.crt
}}
issue server /CN=kube-apiserver "subjectAltName=IP:{ADDRESS},IP:127.0.0.1,IP:10.96.0.1"
issue admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
for node; do issue $node /O=system:nodes/CN=system:node:$node extendedKeyUsage=clientAuth; done
openssl genrsa -out sa.key 2048
"""

UNITS = {  # in the order in which they are started
    "etcd": (
        "/usr/bin/etcd", "--data-dir=/var/lib/etcd", "--unsafe-no-fsync", "--log-level=error",
    ),
    "apiserver": (
        "/usr/bin/kube", "apiserver",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={ADDRESS}",
        f"--tls-cert-file={PKI}/server.crt", f"--tls-private-key-file={PKI}/server.key",
        f"--client-ca-file={PKI}/ca.crt",
        f"--kubelet-client-certificate={PKI}/admin.crt", f"--kubelet-client-key={PKI}/admin.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        f"--service-account-key-file={PKI}/sa.key", f"--service-account-signing-key-file={PKI}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged=true",
        "--default-not-ready-toleration-seconds=5", "--default-unreachable-toleration-seconds=5",
    ),
    "controller-manager": (
        "/usr/bin/kube", "controller-manager",
        f"--kubeconfig={MANAGER}", "--leader-elect=false", "--use-service-account-credentials=false",
        f"--service-account-private-key-file={PKI}/sa.key", f"--root-ca-file={PKI}/ca.crt",
        "--node-monitor-grace-period=16s", "--node-monitor-period=2s",
    ),
    "scheduler": ("/usr/bin/kube", "scheduler", f"--kubeconfig={MANAGER}", "--leader-elect=false"),
}  # fmt: skip

KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": f"{PKI}/ca.crt"}},
    "authorization": {"mode": "AlwaysAllow"},
    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
    "cgroupDriver": "cgroupfs",
    "cgroupsPerQOS": False,  # the host's cgroups have no controllers
    "enforceNodeAllocatable": [],
    "failSwapOn": False,
    "featureGates": {"KubeletInUserNamespace": True},
    "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%", "memory.available": "0%"},
    "imageGCHighThresholdPercent": 100,
    "localStorageCapacityIsolation": False,
    "nodeStatusUpdateFrequency": "2s",
    "nodeStatusReportFrequency": "4s",
    "syncFrequency": "10s",
    "registryPullQPS": 0,
    "resolvConf": "",
    "makeIPTablesUtilChains": False,
}

CONTAINERD = """\
version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'docker.io/library/pause:3.10'
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = '/etc/containerd/certs.d'
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
  options = { BinaryName = '/usr/local/sbin/runc' }
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/usr/lib/cni']
  conf_dir = '/etc/cni/net.d'
"""
# buildx lets a pod be ready after 5 to 35 seconds, by how often it is asked. Here it is asked every second.
POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolic"
PROBE = "/spec/containers/0/readinessProbe"
HASTE = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicy",
    "metadata": {"name": "haste"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]},
            ],
        },
        "matchConditions": [{"name": "probed", "expression": "has(object.spec.containers[0].readinessProbe)"}],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {
                    "expression": f"""[
                        JSONPatch{{op: "replace", path: "{PROBE}/periodSeconds", value: 1}},
                        JSONPatch{{op: "add", path: "{PROBE}/initialDelaySeconds", value: 0}},
                    ]""",
                },
            },
        ],
    },
}
HASTE_BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicyBinding",
    "metadata": {"name": "haste"},
    "spec": {"policyName": "haste"},
}

# The host's cgroups have no controllers, and runc refuses a limit that it cannot set.
RUNC = """\
#!/bin/sh
case " $* " in
*" update "*) exit 0 ;;
*" create "*)
  for word; do [ "$before" = --bundle ] && bundle=$word; before=$word; done
  python3 -IS - "$bundle/config.json" <<'END'
import json, sys
with open(sys.argv[1], "r+") as file:
    config = json.load(file)
    resources = config.get("linux", {}).get("resources", {})
    for limit in ("cpu", "memory", "pids", "hugepageLimits", "unified"):
        resources.pop(limit, None)
    file.seek(0)
    json.dump(config, file)
    file.truncate()
END
esac
exec /usr/sbin/runc "$@"
"""
MIRROR = '[host."http://127.0.0.1:5000"]\n  capabilities = ["pull", "resolve"]\n'
PUSHED = f'server = "http://{REGISTRY}"\n[host."http://{REGISTRY}"]\n'


def kubeconfig(certificates: dict[str, str], current: str = "tests") -> str:
    """A kubeconfig with what it needs inside; ``certificates``: ca, cert and key in base64."""
    cluster = {"server": API, "certificate-authority-data": certificates["ca"]}
    user = {"client-certificate-data": certificates["cert"], "client-key-data": certificates["key"]}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": current,
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": current, "context": {"cluster": "tests", "user": "admin", "namespace": "default"}}],
        }
    )


def cni(number: int) -> str:
    """The pods' network on one node: a bridge, and masquerading to the world outside."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": PODS.format(number=number)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, {"type": "loopback"}]})


def buildkit(name: str, node: str, image: str, emulators: str) -> dict[str, object]:
    """A pod of one node with a buildkitd that listens on TCP, as somebody makes it without buildx."""
    privileged = {"privileged": True}
    return {
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "initContainers": [
                {"name": "emulators", "image": emulators, "args": ["--install", "all"], "securityContext": privileged}
            ],
            "containers": [
                {
                    "name": "buildkitd",
                    "image": image,
                    "args": ["--addr", "tcp://0.0.0.0:1234"],
                    "securityContext": privileged,
                    "readinessProbe": {"tcpSocket": {"port": 1234}, "periodSeconds": 1},
                }
            ],
        },
    }


def volume(name: str, folder: str, node: str) -> dict[str, object]:
    """A persistent volume: a folder of one node."""
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]
    return {
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "2Gi"},
            "accessModes": ["ReadWriteOnce"],
            "local": {"path": folder},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        },
    }
