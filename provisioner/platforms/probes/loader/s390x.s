# A loader: find AT_ENTRY behind the arguments and the environment on the stack, and go there.
	lgr	%r1, %r15
1:	aghi	%r1, 8
	lg	%r2, 0(%r1)
	ltgr	%r2, %r2
	jne	1b
2:	aghi	%r1, 8
	lg	%r2, 0(%r1)
	ltgr	%r2, %r2
	jne	2b
3:	aghi	%r1, 16
	lay	%r3, -8(%r1)
	lg	%r2, 0(%r3)
	cghi	%r2, 9
	jne	3b
	lg	%r3, 0(%r1)
	br	%r3
