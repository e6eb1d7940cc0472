"""provisioner configures a Docker host to build, run and push images for many platforms, and verifies that it can."""

__version__ = "0.2.0.dev0"
