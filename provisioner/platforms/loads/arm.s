@ Load for linux/arm/v5, v6 and v7: 2^24 times multiply, add, store, load, shift and xor; exit(0). exit is 1.

	.arch	armv5te
	.arm

	mov	r1, #0x1000000
	mov	r0, #1
	mov	r2, #5
	sub	r4, sp, #16
again:	mul	r3, r0, r2
	add	r0, r3, r1
	str	r0, [r4]
	ldr	r3, [r4]
	eor	r0, r0, r3, lsr #7
	subs	r1, r1, #1
	bne	again

	mov	r7, #1
	mov	r0, #0
	svc	#0
