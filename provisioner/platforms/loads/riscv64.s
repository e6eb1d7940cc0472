# Load for linux/riscv64: 2^24 times multiply, add, store, load, shift and xor; exit(0). exit is 93.

	.option	norvc			# compressed instructions are an extension
	.option	norelax			# no linker will touch this
	.option	arch, +m

	lui	a1, 0x1000		# 2^24
	li	a0, 1
	li	a2, 5
	addi	a4, sp, -16
again:	mul	a0, a0, a2
	add	a0, a0, a1
	sd	a0, 0(a4)
	ld	a3, 0(a4)
	srli	a3, a3, 7
	xor	a0, a0, a3
	addi	a1, a1, -1
	bnez	a1, again

	li	a7, 93
	li	a0, 0
	ecall
