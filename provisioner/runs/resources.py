"""The resources, in the order in which each needs the one before it."""

from provisioner.builder import resource as builder_resource
from provisioner.daemon import resource as daemon_resource
from provisioner.emulators import resource as emulators_resource
from provisioner.image_store import resource as image_store_resource

RESOURCES = (daemon_resource, image_store_resource, emulators_resource, builder_resource)
