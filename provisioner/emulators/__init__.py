"""Emulators: register QEMU for each wanted platform and keep it registered across reboots."""
