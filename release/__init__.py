"""What turns the sources into what people install. Only the standard library, so that `make install` needs no more."""
