"""Resource: the image store in use. Count what a switch hides, switch the store, and copy images into it."""
