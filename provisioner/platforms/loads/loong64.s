# Load for linux/loong64: 2^24 times multiply, add, store, load, shift and xor; exit(0). exit is 93.

	lu12i.w	$a1, 0x1000		# 2^24
	addi.d	$a0, $zero, 1
	addi.d	$a2, $zero, 5
	addi.d	$a4, $sp, -16
again:	mul.d	$a0, $a0, $a2
	add.d	$a0, $a0, $a1
	st.d	$a0, $a4, 0
	ld.d	$a3, $a4, 0
	srli.d	$a3, $a3, 7
	xor	$a0, $a0, $a3
	addi.d	$a1, $a1, -1
	bnez	$a1, again

	addi.d	$a7, $zero, 93
	addi.d	$a0, $zero, 0
	syscall	0
