"""The program: the table of commands, a module for each, messages on stderr, the only exit."""
