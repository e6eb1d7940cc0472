"""CPUs: the table of platforms, the ELF test programs, the kernel's binfmt table, what runs natively."""
