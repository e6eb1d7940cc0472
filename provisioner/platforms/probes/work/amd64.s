# See body.inc. Number in rax, arguments in rdi, rsi, rdx, r10, r8, r9; the map in rbx.

	.set	CLONE, 56; .set YIELD, 24; .set WAIT, 61; .set SIGACTION, 13; .set GETPID, 39; .set KILL, 62
	.set	EXIT, 60; .set GROUP, 231; .set USR1, 10; .set CHLD, 17; .set MASK, 8

	.macro	imm slot, value
	movq	$\value, 8*\slot(%rbx)
	.endm
	.macro	ptr slot, offset
	lea	\offset(%rbx), %rax
	mov	%rax, 8*\slot(%rbx)
	.endm
	.macro	result slot
	mov	%rax, 8*\slot(%rbx)
	.endm
	.macro	sys number
	mov	$\number, %eax
	mov	(%rbx), %rdi
	mov	8(%rbx), %rsi
	mov	16(%rbx), %rdx
	mov	24(%rbx), %r10
	mov	32(%rbx), %r8
	syscall
	.endm
	.macro	quit number, status
	mov	$\number, %eax
	mov	$\status, %edi
	syscall
	.endm
	.macro	unless_negative status
	test	%rax, %rax
	jns	1f
	quit	GROUP, \status
1:
	.endm
	.macro	expect offset, value, status
	cmpl	$\value, \offset(%rbx)
	je	1f
	quit	GROUP, \status
1:
	.endm
	.macro	unless_one offset, label
	cmpl	$1, \offset(%rbx)
	jne	\label
	.endm
	.macro	if_zero label
	test	%rax, %rax
	jz	\label
	.endm
	.macro	goto label
	jmp	\label
	.endm
	.macro	one offset
	movl	$1, \offset(%rbx)
	.endm
	.macro	map
	mov	$9, %eax
	mov	$MEM, %edi
	mov	$0x10000, %esi
	mov	$3, %edx
	mov	$0x32, %r10d
	mov	$-1, %r8
	xor	%r9d, %r9d
	syscall
	mov	$MEM, %ebx
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
	lea	2f(%rip), %rax
	mov	%rax, ACTION(%rbx)
	movq	$0x04000000, ACTION+8(%rbx)	# SA_RESTORER, which this ABI requires
	lea	3f(%rip), %rax
	mov	%rax, ACTION+16(%rbx)
	jmp	4f
2:	mov	$MEM, %ecx
	movl	$1, CAUGHT(%rcx)
	ret
3:	mov	$15, %eax
	syscall
4:
	.endm
	.include "body.inc"
