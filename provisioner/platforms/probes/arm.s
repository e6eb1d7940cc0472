@ Probe for linux/arm/v5, v6 and v7: write(1, "arm\n", 4); read(0, buffer, 1); exit(argc - 1).
@ Linux EABI: number in r7, arguments in r0, r1, r2. write is 4, read 3, exit 1. No Thumb, no floating point: ARMv5 runs it.

	.arch	armv5te
	.arm

	mov	r7, #4
	mov	r0, #1
	adr	r1, name
	mov	r2, #4
	svc	#0

	mov	r7, #3			@ an open pipe as stdin keeps the process here
	mov	r0, #0
	sub	r1, sp, #16		@ below the stack pointer, where argc is
	mov	r2, #1
	svc	#0

	mov	r7, #1
	ldr	r0, [sp]
	sub	r0, r0, #1
	svc	#0

name:	.ascii	"arm\n"
