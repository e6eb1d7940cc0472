# Load for linux/amd64: 2^24 times multiply, add, store, load, shift and xor; exit(0). exit is 60.

	mov	$0x1000000, %ecx
	mov	$1, %eax
	mov	$5, %esi
again:	imul	%rsi, %rax
	add	%rcx, %rax
	mov	%rax, -16(%rsp)
	mov	-16(%rsp), %rdx
	shr	$7, %rdx
	xor	%rdx, %rax
	dec	%ecx
	jnz	again

	mov	$60, %eax
	mov	$0, %edi
	syscall
