# A loader: find AT_ENTRY behind the arguments and the environment on the stack, and go there.
	.set	noreorder
	.set	noat
	daddu	$4, $29, $0
	addiu	$6, $0, 9
1:	daddiu	$4, $4, 8
	ld	$5, 0($4)
	bne	$5, $0, 1b
	nop
2:	daddiu	$4, $4, 8
	ld	$5, 0($4)
	bne	$5, $0, 2b
	nop
3:	daddiu	$4, $4, 16
	ld	$5, -8($4)
	bne	$5, $6, 3b
	ld	$25, 0($4)
	jr	$25
	nop
