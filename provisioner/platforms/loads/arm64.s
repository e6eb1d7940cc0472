// Load for linux/arm64: 2^24 times multiply, add, store, load, shift and xor; exit(0). exit is 93.

	mov	x1, #0x1000000
	mov	x0, #1
	mov	x2, #5
	sub	x4, sp, #16
again:	mul	x0, x0, x2
	add	x0, x0, x1
	str	x0, [x4]
	ldr	x3, [x4]
	lsr	x3, x3, #7
	eor	x0, x0, x3
	subs	x1, x1, #1
	b.ne	again

	mov	x8, #93
	mov	x0, #0
	svc	#0
