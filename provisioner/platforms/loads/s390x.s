# Load for linux/s390x: 2^24 times multiply, add, store, load, shift and xor; exit(0). exit is 1.

	llilh	%r1, 0x100		# 2^24
	lghi	%r2, 1
	lgr	%r5, %r15
	aghi	%r5, -16
again:	mghi	%r2, 5
	agr	%r2, %r1
	stg	%r2, 0(%r5)
	lg	%r3, 0(%r5)
	srlg	%r3, %r3, 7
	xgr	%r2, %r3
	brctg	%r1, again

	lghi	%r2, 0
	svc	1
