# See body.inc. Number in a7, arguments in a0 to a5; the map in s1.
	.option	norvc
	.option	norelax

	.set	CLONE, 220; .set YIELD, 124; .set WAIT, 260; .set SIGACTION, 134; .set GETPID, 172; .set KILL, 129
	.set	EXIT, 93; .set GROUP, 94; .set USR1, 10; .set CHLD, 17; .set MASK, 8

	.macro	imm slot, value
	lui	t0, \value >> 12
	addi	t1, zero, (\value & 0xfff) >> 1
	slli	t1, t1, 1
	or	t0, t0, t1
	sd	t0, 8*\slot(s1)
	.endm
	.macro	small slot, value
	addi	t0, zero, \value
	sd	t0, 8*\slot(s1)
	.endm
	.macro	ptr slot, offset
	addi	t0, s1, \offset
	sd	t0, 8*\slot(s1)
	.endm
	.macro	result slot
	sd	a0, 8*\slot(s1)
	.endm
	.macro	sys number
	addi	a7, zero, \number
	ld	a0, 0(s1)
	ld	a1, 8(s1)
	ld	a2, 16(s1)
	ld	a3, 24(s1)
	ld	a4, 32(s1)
	ecall
	.endm
	.macro	quit number, status
	addi	a7, zero, \number
	addi	a0, zero, \status
	ecall
	.endm
	.macro	unless_negative status
	bge	a0, zero, 1f
	quit	GROUP, \status
1:
	.endm
	.macro	expect offset, value, status
	lw	t0, \offset(s1)
	addi	t1, zero, \value
	beq	t0, t1, 1f
	quit	GROUP, \status
1:
	.endm
	.macro	unless_one offset, label
	lw	t0, \offset(s1)
	beq	t0, zero, \label
	.endm
	.macro	if_zero label
	beq	a0, zero, \label
	.endm
	.macro	goto label
	jal	zero, \label
	.endm
	.macro	one offset
	addi	t0, zero, 1
	sw	t0, \offset(s1)
	.endm
	.macro	map
	addi	a7, zero, 222
	lui	a0, MEM >> 12
	lui	a1, 16
	addi	a2, zero, 3
	addi	a3, zero, 0x32
	addi	a4, zero, -1
	addi	a5, zero, 0
	ecall
	lui	s1, MEM >> 12
	.endm
	.macro	thread_arguments
	imm	0, THREAD
	ptr	1, STACK
	imm	2, 0
	imm	3, 0
	imm	4, 0
	.endm
	.macro	fork_arguments
	small	0, CHLD
	imm	1, 0
	.endm
	.macro	handler
	jal	t0, 3f
	lui	t0, MEM >> 12
	addi	t1, zero, 1
	sw	t1, CAUGHT(t0)
	jalr	zero, 0(ra)
3:	sd	t0, ACTION(s1)
	.endm
	.include "body.inc"
