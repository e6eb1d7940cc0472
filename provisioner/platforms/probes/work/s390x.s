# See body.inc. Number in the instruction, arguments in r2 to r6; the map in r12. clone has its arguments exchanged.

	.set	CLONE, 120; .set YIELD, 158; .set WAIT, 114; .set SIGACTION, 174; .set GETPID, 20; .set KILL, 37
	.set	EXIT, 1; .set GROUP, 248; .set USR1, 10; .set CHLD, 17; .set MASK, 8

	.macro	imm slot, value
	llilf	%r3, \value
	stg	%r3, 8*\slot(%r12)
	.endm
	.macro	ptr slot, offset
	la	%r3, \offset(%r12)
	stg	%r3, 8*\slot(%r12)
	.endm
	.macro	result slot
	stg	%r2, 8*\slot(%r12)
	.endm
	.macro	sys number
	lmg	%r2, %r6, 0(%r12)
	svc	\number
	.endm
	.macro	quit number, status
	lghi	%r2, \status
	svc	\number
	.endm
	.macro	unless_negative status
	ltgr	%r2, %r2
	jhe	1f
	quit	GROUP, \status
1:
	.endm
	.macro	expect offset, value, status
	l	%r3, \offset(%r12)
	chi	%r3, \value
	je	1f
	quit	GROUP, \status
1:
	.endm
	.macro	unless_one offset, label
	l	%r3, \offset(%r12)
	chi	%r3, 1
	jne	\label
	.endm
	.macro	if_zero label
	ltgr	%r2, %r2
	je	\label
	.endm
	.macro	goto label
	j	\label
	.endm
	.macro	one offset
	lhi	%r3, 1
	st	%r3, \offset(%r12)
	.endm
	.macro	map
	lgr	%r2, %r15		# its arguments are a struct
	aghi	%r2, -64
	llilh	%r3, MEM >> 16
	stg	%r3, 0(%r2)
	llilh	%r3, 1
	stg	%r3, 8(%r2)
	lghi	%r3, 3
	stg	%r3, 16(%r2)
	lghi	%r3, 0x32
	stg	%r3, 24(%r2)
	lghi	%r3, -1
	stg	%r3, 32(%r2)
	lghi	%r3, 0
	stg	%r3, 40(%r2)
	svc	90
	llilh	%r12, MEM >> 16
	.endm
	.macro	thread_arguments
	ptr	0, STACK
	imm	1, THREAD
	imm	2, 0
	imm	3, 0
	imm	4, 0
	.endm
	.macro	fork_arguments
	imm	0, 0
	imm	1, CHLD
	.endm
	.macro	handler
	bras	%r3, 3f
	llilh	%r3, MEM >> 16
	lhi	%r2, 1
	st	%r2, CAUGHT(%r3)
	br	%r14
3:	stg	%r3, ACTION(%r12)
	.endm
	.include "body.inc"
