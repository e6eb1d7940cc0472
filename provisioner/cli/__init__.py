"""The command-line program: the table of commands, a module for each command, messages on stderr, and the exit."""
