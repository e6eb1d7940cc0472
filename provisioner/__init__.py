"""provisioner: makes a Docker host able to build, run and push images for many platforms, and proves it."""

__version__ = "0.2.0.dev0"
