# A loader: find AT_ENTRY behind the arguments and the environment on the stack, and go there.
	mr	4, 1
1:	ldu	5, 8(4)
	cmpdi	5, 0
	bne	1b
2:	ldu	5, 8(4)
	cmpdi	5, 0
	bne	2b
3:	ld	5, 8(4)
	ldu	12, 16(4)
	cmpdi	5, 9
	bne	3b
	mtctr	12
	bctr
