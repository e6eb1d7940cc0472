// A loader: find AT_ENTRY behind the arguments and the environment on the stack, and go there.
	mov	x1, sp
1:	ldr	x2, [x1, #8]!
	cbnz	x2, 1b
2:	ldr	x2, [x1, #8]!
	cbnz	x2, 2b
3:	ldr	x2, [x1, #8]
	ldr	x3, [x1, #16]!
	cmp	x2, #9
	b.ne	3b
	br	x3
