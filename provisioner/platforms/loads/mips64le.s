# Load for linux/mips64le: 2^24 times multiply, add, store, load, shift and xor; exit(0). exit is 5058.

	.set	noreorder		# the delay slot is filled here, not by the assembler

	lui	$5, 0x100		# 2^24
	li	$4, 1
	li	$6, 5
	daddiu	$8, $29, -16
again:	dmultu	$4, $6
	mflo	$4
	daddu	$4, $4, $5
	sd	$4, 0($8)
	ld	$7, 0($8)
	dsrl	$7, $7, 7
	daddiu	$5, $5, -1
	bnez	$5, again
	xor	$4, $4, $7		# in the delay slot

	li	$2, 5058
	li	$4, 0
	syscall
