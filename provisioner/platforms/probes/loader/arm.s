@ A loader: find AT_ENTRY behind the arguments and the environment on the stack, and go there.
	mov	r1, sp
1:	ldr	r2, [r1, #4]!
	cmp	r2, #0
	bne	1b
2:	ldr	r2, [r1, #4]!
	cmp	r2, #0
	bne	2b
3:	ldr	r2, [r1, #4]
	ldr	r3, [r1, #8]!
	cmp	r2, #9
	bne	3b
	mov	pc, r3
