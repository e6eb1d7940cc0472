"""CPUs: the table of platforms, our test programs and their ELF, the kernel's binfmt table, what runs natively."""
