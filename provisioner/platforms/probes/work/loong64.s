# See body.inc. Number in $a7, arguments in $a0 to $a5; the map in $s0.

	.set	CLONE, 220; .set YIELD, 124; .set WAIT, 260; .set SIGACTION, 134; .set GETPID, 172; .set KILL, 129
	.set	EXIT, 93; .set GROUP, 94; .set USR1, 10; .set CHLD, 17; .set MASK, 8

	.macro	imm slot, value
	lu12i.w	$t0, \value >> 12
	ori	$t0, $t0, \value & 0xfff
	st.d	$t0, $s0, 8*\slot
	.endm
	.macro	ptr slot, offset
	addi.d	$t0, $s0, \offset
	st.d	$t0, $s0, 8*\slot
	.endm
	.macro	result slot
	st.d	$a0, $s0, 8*\slot
	.endm
	.macro	sys number
	ori	$a7, $zero, \number
	ld.d	$a0, $s0, 0
	ld.d	$a1, $s0, 8
	ld.d	$a2, $s0, 16
	ld.d	$a3, $s0, 24
	ld.d	$a4, $s0, 32
	syscall	0
	.endm
	.macro	quit number, status
	ori	$a7, $zero, \number
	ori	$a0, $zero, \status
	syscall	0
	.endm
	.macro	unless_negative status
	bge	$a0, $zero, 1f
	quit	GROUP, \status
1:
	.endm
	.macro	expect offset, value, status
	ld.w	$t0, $s0, \offset
	ori	$t1, $zero, \value
	beq	$t0, $t1, 1f
	quit	GROUP, \status
1:
	.endm
	.macro	unless_one offset, label
	ld.w	$t0, $s0, \offset
	beqz	$t0, \label
	.endm
	.macro	if_zero label
	beqz	$a0, \label
	.endm
	.macro	goto label
	b	\label
	.endm
	.macro	one offset
	ori	$t0, $zero, 1
	st.w	$t0, $s0, \offset
	.endm
	.macro	map
	ori	$a7, $zero, 222
	lu12i.w	$a0, MEM >> 12
	lu12i.w	$a1, 16
	ori	$a2, $zero, 3
	ori	$a3, $zero, 0x32
	addi.d	$a4, $zero, -1
	ori	$a5, $zero, 0
	syscall	0
	lu12i.w	$s0, MEM >> 12
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
	bl	3f
	lu12i.w	$t0, MEM >> 12
	ori	$t1, $zero, 1
	st.w	$t1, $t0, CAUGHT
	jirl	$zero, $ra, 0
3:	st.d	$ra, $s0, ACTION
	.endm
	.include "body.inc"
