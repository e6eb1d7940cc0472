# Probe for linux/386: write(1, "386\n", 4); read(0, buffer, 1); exit(argc - 1).
# Linux ABI: number in eax, arguments in ebx, ecx, edx. write is 4, read 3, exit 1.

	push	$0x0a363833		# "386\n": the text fits into a word
	mov	%esp, %ecx
	mov	$4, %eax
	mov	$1, %ebx
	mov	$4, %edx
	int	$0x80

	mov	$3, %eax		# an open pipe as stdin keeps the process here
	mov	$0, %ebx
	mov	%esp, %ecx
	mov	$1, %edx
	int	$0x80

	mov	$1, %eax
	mov	4(%esp), %ebx		# argc, which the text was pushed over
	dec	%ebx
	int	$0x80
