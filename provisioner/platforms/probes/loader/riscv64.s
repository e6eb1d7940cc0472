# A loader: find AT_ENTRY behind the arguments and the environment on the stack, and go there.
	.option	norvc
	.option	norelax
	addi	t0, sp, 0
	addi	t3, zero, 9
1:	addi	t0, t0, 8
	ld	t1, 0(t0)
	bne	t1, zero, 1b
2:	addi	t0, t0, 8
	ld	t1, 0(t0)
	bne	t1, zero, 2b
3:	addi	t0, t0, 16
	ld	t1, -8(t0)
	bne	t1, t3, 3b
	ld	t1, 0(t0)
	jalr	zero, 0(t1)
