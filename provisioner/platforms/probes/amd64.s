# Probe for linux/amd64: write(1, "amd64\n", 6); read(0, buffer, 1); exit(argc - 1).
# Linux ABI: number in rax, arguments in rdi, rsi, rdx. write is 1, read 0, exit 60.

	mov	$1, %eax
	mov	$1, %edi
	lea	name(%rip), %rsi
	mov	$6, %edx
	syscall

	mov	$0, %eax		# an open pipe as stdin keeps the process here
	mov	$0, %edi
	lea	-16(%rsp), %rsi		# below the stack pointer, where argc is
	mov	$1, %edx
	syscall

	mov	$60, %eax
	mov	(%rsp), %edi
	dec	%edi
	syscall

name:	.ascii	"amd64\n"
