@ See body.inc. Number in r7, arguments in r0 to r5; the map in r9.

	.set	CLONE, 120; .set YIELD, 158; .set WAIT, 114; .set SIGACTION, 174; .set GETPID, 20; .set KILL, 37
	.set	EXIT, 1; .set GROUP, 248; .set USR1, 10; .set CHLD, 17; .set MASK, 8

	.macro	imm slot, value
	mov	r1, #\value & 0xff
	orr	r1, r1, #\value & 0xff00
	orr	r1, r1, #\value & 0xff0000
	str	r1, [r9, #4*\slot]
	.endm
	.macro	ptr slot, offset
	add	r1, r9, #\offset
	str	r1, [r9, #4*\slot]
	.endm
	.macro	result slot
	str	r0, [r9, #4*\slot]
	.endm
	.macro	sys number
	mov	r7, #\number
	ldm	r9, {r0, r1, r2, r3, r4}
	svc	#0
	.endm
	.macro	quit number, status
	mov	r7, #\number
	mov	r0, #\status
	svc	#0
	.endm
	.macro	unless_negative status
	cmn	r0, #4096		@ addresses may be above 2 GiB
	bls	1f
	quit	GROUP, \status
1:
	.endm
	.macro	expect offset, value, status
	ldr	r1, [r9, #\offset]
	cmp	r1, #\value
	beq	1f
	quit	GROUP, \status
1:
	.endm
	.macro	unless_one offset, label
	ldr	r1, [r9, #\offset]
	cmp	r1, #1
	bne	\label
	.endm
	.macro	if_zero label
	cmp	r0, #0
	beq	\label
	.endm
	.macro	goto label
	b	\label
	.endm
	.macro	one offset
	mov	r1, #1
	str	r1, [r9, #\offset]
	.endm
	.macro	map
	mov	r7, #192		@ mmap2
	mov	r0, #MEM
	mov	r1, #0x10000
	mov	r2, #3
	mov	r3, #0x32
	mvn	r4, #0
	mov	r5, #0
	svc	#0
	mov	r9, #MEM
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
	adr	r1, 2f
	str	r1, [r9, #ACTION]
	b	3f
2:	mov	r1, #MEM
	mov	r2, #1
	str	r2, [r1, #CAUGHT]
	mov	pc, lr
3:
	.endm
	.include "body.inc"
