# See body.inc. Number in r0, arguments in r3 to r7; an error sets SO, with the number of the error; the map in r31.

	.set	CLONE, 120; .set YIELD, 158; .set WAIT, 114; .set SIGACTION, 173; .set GETPID, 20; .set KILL, 37
	.set	EXIT, 1; .set GROUP, 234; .set USR1, 10; .set CHLD, 17; .set MASK, 8

	.macro	imm slot, value
	lis	4, \value >> 16
	ori	4, 4, \value & 0xffff
	std	4, 8*\slot(31)
	.endm
	.macro	ptr slot, offset
	addi	4, 31, \offset
	std	4, 8*\slot(31)
	.endm
	.macro	result slot
	std	3, 8*\slot(31)
	.endm
	.macro	sys number
	li	0, \number
	ld	3, 0(31)
	ld	4, 8(31)
	ld	5, 16(31)
	ld	6, 24(31)
	ld	7, 32(31)
	sc
	bns	1f
	neg	3, 3
1:
	.endm
	.macro	quit number, status
	li	0, \number
	li	3, \status
	sc
	.endm
	.macro	unless_negative status
	cmpdi	3, 0
	bge	1f
	quit	GROUP, \status
1:
	.endm
	.macro	expect offset, value, status
	lwz	4, \offset(31)
	cmpwi	4, \value
	beq	1f
	quit	GROUP, \status
1:
	.endm
	.macro	unless_one offset, label
	lwz	4, \offset(31)
	cmpwi	4, 1
	bne	\label
	.endm
	.macro	if_zero label
	cmpdi	3, 0
	beq	\label
	.endm
	.macro	goto label
	b	\label
	.endm
	.macro	one offset
	li	4, 1
	stw	4, \offset(31)
	.endm
	.macro	map
	li	0, 90
	lis	3, MEM >> 16
	lis	4, 1
	li	5, 3
	li	6, 0x32
	li	7, -1
	li	8, 0
	sc
	bns	1f
	neg	3, 3
1:	lis	31, MEM >> 16
	.endm
	.macro	thread_arguments
	imm	0, THREAD
	ptr	1, STACK
	imm	2, 0
	imm	3, 0
	imm	4, 0
	.endm
	.macro	fork_arguments
	imm	0, CHLD
	imm	1, 0
	.endm
	.macro	handler
	bcl	20, 31, 2f
2:	mflr	4
	addi	4, 4, 16		# of the four instructions from 2 on
	b	3f
	nop
	lis	4, MEM >> 16
	li	5, 1
	stw	5, CAUGHT(4)
	blr
3:	std	4, ACTION(31)
	.endm
	.include "body.inc"
