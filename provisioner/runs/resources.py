"""The resources in the order of an apply. Those that need no restart come first; those that need others come last.

Emulators come first, so that an error from the kernel or a registry shows while Docker still runs.
"""

from provisioner.builder import resource as builder_resource
from provisioner.daemon import resource as daemon_resource
from provisioner.emulators import resource as emulators_resource
from provisioner.image_store import resource as image_store_resource

RESOURCES = (emulators_resource, daemon_resource, image_store_resource, builder_resource)
