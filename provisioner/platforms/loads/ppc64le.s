# Load for linux/ppc64le: 2^24 times multiply, add, store, load, shift and xor; exit(0). exit is 1.

	lis	4, 0x100		# 2^24
	mtctr	4
	li	3, 1
	li	5, 5
	addi	7, 1, -16
again:	mulld	3, 3, 5
	add	3, 3, 4
	std	3, 0(7)
	ld	6, 0(7)
	srdi	6, 6, 7
	xor	3, 3, 6
	bdnz	again

	li	0, 1
	li	3, 0
	sc
