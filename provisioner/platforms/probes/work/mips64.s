# See body.inc. Number in $2, arguments in $4 to $8; an error sets $7, with its number in $2; the map in $16.
	.set	noreorder
	.set	noat

	.set	CLONE, 5055; .set YIELD, 5023; .set WAIT, 5059; .set SIGACTION, 5013; .set GETPID, 5038; .set KILL, 5060
	.set	EXIT, 5058; .set GROUP, 5205; .set USR1, 16; .set CHLD, 18; .set MASK, 16

	.macro	imm slot, value
	lui	$5, \value >> 16
	ori	$5, $5, \value & 0xffff
	sd	$5, 8*\slot($16)
	.endm
	.macro	ptr slot, offset
	daddiu	$5, $16, \offset
	sd	$5, 8*\slot($16)
	.endm
	.macro	result slot
	sd	$2, 8*\slot($16)
	.endm
	.macro	sys number
	addiu	$2, $0, \number
	ld	$4, 0($16)
	ld	$5, 8($16)
	ld	$6, 16($16)
	ld	$7, 24($16)
	ld	$8, 32($16)
	syscall
	.endm
	.macro	quit number, status
	addiu	$2, $0, \number
	addiu	$4, $0, \status
	syscall
	.endm
	.macro	unless_negative status
	beq	$7, $0, 1f
	nop
	quit	GROUP, \status
1:
	.endm
	.macro	expect offset, value, status
	lw	$5, \offset($16)
	addiu	$6, $0, \value
	beq	$5, $6, 1f
	nop
	quit	GROUP, \status
1:
	.endm
	.macro	unless_one offset, label
	lw	$5, \offset($16)
	beq	$5, $0, \label
	nop
	.endm
	.macro	if_zero label
	beq	$2, $0, \label
	nop
	.endm
	.macro	goto label
	beq	$0, $0, \label
	nop
	.endm
	.macro	one offset
	addiu	$5, $0, 1
	sw	$5, \offset($16)
	.endm
	.macro	map
	addiu	$2, $0, 5009
	lui	$4, MEM >> 16
	lui	$5, 1
	addiu	$6, $0, 3
	addiu	$7, $0, 0x812
	addiu	$8, $0, -1
	addiu	$9, $0, 0
	syscall
	lui	$16, MEM >> 16
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
	bal	3f
	nop
	lui	$5, MEM >> 16
	addiu	$6, $0, 1
	sw	$6, CAUGHT($5)
	jr	$31
	nop
3:	sd	$31, ACTION+8($16)	# after the flags
	.endm
	.include "body.inc"
