"""A small fixed load for each architecture, to measure how much slower an emulator is than the CPU.

The load computes and touches memory 2^24 times, and exits with 0. It prints nothing. The readable sources are
``loads/<architecture>.s``. A test assembles them and compares the result.
"""

from provisioner.platforms import elf

CODE = {
    "amd64": """
        b900000001b801000000be05000000480fafc64801c848894424f0488b5424f048c1ea074831d0ffc975e4b83c000000
        bf000000000f05""",
    "386": """
        b900000001b801000000be050000000fafc601c8894424f08b5424f0c1ea0731d04975ebb801000000bb00000000cd80""",
    "arm64": """
        0120a0d2200080d2a20080d2e44300d1007c029b0000018b800000f9830040f963fc47d3000003ca210400f121ffff54
        a80b80d2000080d2010000d4""",
    "arm": """
        0114a0e30100a0e30520a0e310404de2900203e0010083e0000084e5003094e5a30320e0011051e2f8ffff1a0170a0e3
        0000a0e3000000ef""",
    "riscv64": """
        b70500011305100013065000130701ff3305c5023305b5002330a7008336070093d676003345d5009385f5ffe39205fe
        9308d0051305000073000000""",
    "ppc64le": """
        0001803ca603897c010060380500a038f0ffe138d229637c1422637c000067f80000c7e8c2c9c6787832637ce8ff0042
        010000380000603802000044""",
    "s390x": """
        a51e0100a7290001b904005fa75bfff0a72d0005b9080021e32050000024e33050000004eb330007000cb9820023a717
        fff1a72900000a01""",
    "mips64le": """
        0001053c0100042405000624f0ffa8671d008600122000002d208500000004fd000007ddfa390700ffffa564f8ffa014
        26208700c2130224000004240c000000""",
    "mips64": """
        3c050100240400012406000567a8fff00086001d000020120085202dfd040000dd070000000739fa64a5ffff14a0fff8
        00872026240213c2240400000000000c""",
    "loong64": """
        050002140404c0020614c00268c0ff0284981d00849410000401c0290701c028e71c4500849c1500a5fcff02bfe4ff47
        0b74c1020400c00200002b00""",
}


def program(architecture: str) -> bytes:
    """Return the load of an architecture as a whole executable file.

    Raises: KeyError if the architecture has none.
    """
    return elf.program(architecture, bytes.fromhex(CODE[architecture]))
