"""Whole hosts: booted, provisioned, rebooted, cut off."""
