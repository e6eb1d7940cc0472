"""Turns the sources into what people install. Uses only the standard library, because `make install` has no more."""
