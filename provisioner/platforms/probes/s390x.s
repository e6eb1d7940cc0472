# Probe for linux/s390x: write(1, "s390x\n", 6); read(0, buffer, 1); exit(argc - 1).
# Linux ABI: number in the instruction, arguments in r2, r3, r4. write is 4, read 3, exit 1.

	lghi	%r2, 1
	larl	%r3, name
	lghi	%r4, 6
	svc	4

	lghi	%r2, 0
	lgr	%r3, %r15
	aghi	%r3, -16		# below the stack pointer, where argc is
	lghi	%r4, 1
	svc	3			# an open pipe as stdin keeps the process here

	lg	%r2, 0(%r15)
	aghi	%r2, -1
	svc	1

name:	.ascii	"s390x\n"
