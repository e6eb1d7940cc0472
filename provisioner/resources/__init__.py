"""The resources, in the order in which each needs the one before it."""

from provisioner.resources import builder, emulators, image_store

RESOURCES = (image_store, emulators, builder)
