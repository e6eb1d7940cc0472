# See body.inc. Number in eax, arguments in ebx, ecx, edx, esi, edi, ebp; the map in ebp.

	.set	CLONE, 120; .set YIELD, 158; .set WAIT, 114; .set SIGACTION, 174; .set GETPID, 20; .set KILL, 37
	.set	EXIT, 1; .set GROUP, 252; .set USR1, 10; .set CHLD, 17; .set MASK, 8

	.macro	imm slot, value
	movl	$\value, 4*\slot(%ebp)
	.endm
	.macro	ptr slot, offset
	lea	\offset(%ebp), %eax
	mov	%eax, 4*\slot(%ebp)
	.endm
	.macro	result slot
	mov	%eax, 4*\slot(%ebp)
	.endm
	.macro	sys number
	mov	$\number, %eax
	mov	(%ebp), %ebx
	mov	4(%ebp), %ecx
	mov	8(%ebp), %edx
	mov	12(%ebp), %esi
	mov	16(%ebp), %edi
	int	$0x80
	.endm
	.macro	quit number, status
	mov	$\number, %eax
	mov	$\status, %ebx
	int	$0x80
	.endm
	.macro	unless_negative status
	cmp	$-4096, %eax		# addresses may be above 2 GiB
	jbe	1f
	quit	GROUP, \status
1:
	.endm
	.macro	expect offset, value, status
	cmpl	$\value, \offset(%ebp)
	je	1f
	quit	GROUP, \status
1:
	.endm
	.macro	unless_one offset, label
	cmpl	$1, \offset(%ebp)
	jne	\label
	.endm
	.macro	if_zero label
	test	%eax, %eax
	jz	\label
	.endm
	.macro	goto label
	jmp	\label
	.endm
	.macro	one offset
	movl	$1, \offset(%ebp)
	.endm
	.macro	map
	mov	$192, %eax		# mmap2
	mov	$MEM, %ebx
	mov	$0x10000, %ecx
	mov	$3, %edx
	mov	$0x32, %esi
	mov	$-1, %edi
	xor	%ebp, %ebp
	int	$0x80
	mov	$MEM, %ebp
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
	call	2f
	mov	$MEM, %ecx
	movl	$1, CAUGHT(%ecx)
	ret
2:	pop	%eax
	mov	%eax, ACTION(%ebp)
	.endm
	.include "body.inc"
