"""``--root``: configure an image, a tree that is not running."""
