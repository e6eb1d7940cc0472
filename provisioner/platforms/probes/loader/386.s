# A loader: find AT_ENTRY behind the arguments and the environment on the stack, and go there.
	mov	%esp, %eax
1:	add	$4, %eax
	cmpl	$0, (%eax)
	jne	1b
2:	add	$4, %eax
	cmpl	$0, (%eax)
	jne	2b
3:	add	$8, %eax
	cmpl	$9, -4(%eax)
	jne	3b
	jmp	*(%eax)
