# Load for linux/386: 2^24 times multiply, add, store, load, shift and xor; exit(0). exit is 1.

	mov	$0x1000000, %ecx
	mov	$1, %eax
	mov	$5, %esi
again:	imul	%esi, %eax
	add	%ecx, %eax
	mov	%eax, -16(%esp)
	mov	-16(%esp), %edx
	shr	$7, %edx
	xor	%edx, %eax
	dec	%ecx
	jnz	again

	mov	$1, %eax
	mov	$0, %ebx
	int	$0x80
