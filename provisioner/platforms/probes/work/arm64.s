// See body.inc. Number in x8, arguments in x0 to x5; the map in x19.

	.set	CLONE, 220; .set YIELD, 124; .set WAIT, 260; .set SIGACTION, 134; .set GETPID, 172; .set KILL, 129
	.set	EXIT, 93; .set GROUP, 94; .set USR1, 10; .set CHLD, 17; .set MASK, 8

	.macro	imm slot, value
	movz	x1, #\value & 0xffff
	movk	x1, #\value >> 16, lsl #16
	str	x1, [x19, #8*\slot]
	.endm
	.macro	ptr slot, offset
	add	x1, x19, #\offset
	str	x1, [x19, #8*\slot]
	.endm
	.macro	result slot
	str	x0, [x19, #8*\slot]
	.endm
	.macro	sys number
	mov	x8, #\number
	ldp	x0, x1, [x19]
	ldp	x2, x3, [x19, #16]
	ldr	x4, [x19, #32]
	svc	#0
	.endm
	.macro	quit number, status
	mov	x8, #\number
	mov	x0, #\status
	svc	#0
	.endm
	.macro	unless_negative status
	tbz	x0, #63, 1f
	quit	GROUP, \status
1:
	.endm
	.macro	expect offset, value, status
	ldr	w1, [x19, #\offset]
	mov	w2, #\value
	cmp	w1, w2
	b.eq	1f
	quit	GROUP, \status
1:
	.endm
	.macro	unless_one offset, label
	ldr	w1, [x19, #\offset]
	cbz	w1, \label
	.endm
	.macro	if_zero label
	cbz	x0, \label
	.endm
	.macro	goto label
	b	\label
	.endm
	.macro	one offset
	mov	w1, #1
	str	w1, [x19, #\offset]
	.endm
	.macro	map
	mov	x8, #222
	mov	x0, #MEM
	mov	x1, #0x10000
	mov	x2, #3
	mov	x3, #0x32
	mov	x4, #-1
	mov	x5, #0
	svc	#0
	mov	x19, #MEM
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
	adr	x1, 2f
	str	x1, [x19, #ACTION]
	b	3f
2:	mov	x1, #MEM
	mov	w2, #1
	str	w2, [x1, #CAUGHT]
	ret
3:
	.endm
	.include "body.inc"
