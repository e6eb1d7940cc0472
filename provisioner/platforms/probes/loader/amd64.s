# A loader: find AT_ENTRY behind the arguments and the environment on the stack, and go there.
	mov	%rsp, %rax
1:	add	$8, %rax
	cmpq	$0, (%rax)
	jne	1b
2:	add	$8, %rax
	cmpq	$0, (%rax)
	jne	2b
3:	add	$16, %rax
	cmpq	$9, -8(%rax)
	jne	3b
	jmp	*(%rax)
