# Probe for linux/mips64: write(1, "mips64\n", 7); read(0, buffer, 1); exit(argc - 1).
# Linux n64 ABI: number in $2, arguments in $4, $5, $6. write is 5001, read 5000, exit 5058.

	.set	noreorder		# the delay slot is filled here, not by the assembler

	bal	past			# leaves the address of the text in $31
	li	$2, 5001		# in the delay slot
	.ascii	"mips64\n"
	.balign	4
past:	move	$5, $31
	li	$4, 1
	li	$6, 7
	syscall

	li	$2, 5000		# an open pipe as stdin keeps the process here
	li	$4, 0
	daddiu	$5, $29, -16		# below the stack pointer, where argc is
	li	$6, 1
	syscall

	li	$2, 5058
	ld	$4, 0($29)
	daddiu	$4, $4, -1
	syscall
