# Probe for linux/ppc64le: write(1, "ppc64le\n", 8); read(0, buffer, 1); exit(argc - 1).
# Linux ABI: number in r0, arguments in r3, r4, r5. write is 4, read 3, exit 1.

	bcl	20, 31, here		# the branch to the next instruction that return predictors know
here:	mflr	4
	addi	4, 4, name - here
	li	0, 4
	li	3, 1
	li	5, 8
	sc

	li	0, 3			# an open pipe as stdin keeps the process here
	li	3, 0
	addi	4, 1, -16		# below the stack pointer, where argc is
	li	5, 1
	sc

	li	0, 1
	ld	3, 0(1)
	addi	3, 3, -1
	sc

name:	.ascii	"ppc64le\n"
