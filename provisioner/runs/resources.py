"""The resources, in the order of an apply: first what needs no restart of Docker, last what needs the others.

Emulators come first, so that what the kernel or a registry refuses is found out while Docker still runs.
"""

from provisioner.builder import resource as builder_resource
from provisioner.daemon import resource as daemon_resource
from provisioner.emulators import resource as emulators_resource
from provisioner.image_store import resource as image_store_resource

RESOURCES = (emulators_resource, daemon_resource, image_store_resource, builder_resource)
