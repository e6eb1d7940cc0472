"""The resources, in the order in which each needs the one before it."""

from provisioner.resources import builder, daemon, emulators, image_store

RESOURCES = (daemon, image_store, emulators, builder)
