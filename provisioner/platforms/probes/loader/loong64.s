# A loader: find AT_ENTRY behind the arguments and the environment on the stack, and go there.
	addi.d	$t0, $sp, 0
	ori	$t3, $zero, 9
1:	addi.d	$t0, $t0, 8
	ld.d	$t1, $t0, 0
	bnez	$t1, 1b
2:	addi.d	$t0, $t0, 8
	ld.d	$t1, $t0, 0
	bnez	$t1, 2b
3:	addi.d	$t0, $t0, 16
	ld.d	$t1, $t0, -8
	bne	$t1, $t3, 3b
	ld.d	$t1, $t0, 0
	jirl	$zero, $t1, 0
