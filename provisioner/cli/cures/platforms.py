"""Errors about programs and images of other platforms."""

from provisioner.cli.cures import EMULATORS, INSPECT, Cause, Error, do, run

ERRORS: tuple[Error, ...] = (
    Error(
        "exec-format-error",
        "exec format error",
        (r"exec format error", r"cannot execute binary file"),
        (
            Cause("no-emulator", "The emulator for this platform is not registered or does not work.", (EMULATORS,)),
            Cause(
                "not-configured",
                "The platform is not in the configuration, so no emulator is registered for it.",
                (do("add it to `platforms` in /etc/provisioner/provisioner.yaml"), EMULATORS),
            ),
            Cause(
                "",
                "Emulators work on this host. The image or the file is of another platform than it says, or a "
                "script has no line `#!/bin/sh`.",
                (run("docker image inspect --format '{{.Os}}/{{.Architecture}}' IMAGE"), run("file PROGRAM")),
            ),
        ),
    ),
    Error(
        "no-matching-manifest",
        "no matching manifest for linux/arm64",
        (r"no matching manifest for", r"no match for platform in manifest", r"does not match the specified platform"),
        (
            Cause(
                "",
                "The image was not published for this platform.",
                (INSPECT, run("docker pull --platform linux/amd64 IMAGE")),
            ),
        ),
    ),
    Error(
        "platform-mismatch",
        "The requested image's platform does not match the detected host platform",
        (r"requested image's platform \(\S+\) does not match",),
        (
            Cause("no-emulator", "The image is of another platform, and no emulator runs it here.", (EMULATORS,)),
            Cause(
                "",
                "The image runs under emulation, which is slower. Choose a variant for this host if there is one.",
                (INSPECT,),
            ),
        ),
    ),
    Error(
        "qemu-signal",
        "qemu: uncaught target signal 11 (Segmentation fault)",
        (
            r"qemu: uncaught target signal",
            r"\.buildkit_qemu_emulator .*exit code: (132|134|135|139)",
            r"qemu-\S+: .*(segmentation fault|illegal instruction)",
        ),
        (
            Cause(
                "known-qemu",
                "The QEMU version of this host is known to break programs.",
                (do("set `emulators.image: tonistiigi/binfmt:qemu-v10.2.3` in the configuration"), EMULATORS),
            ),
            Cause(
                "",
                "The emulator crashed: a bug of this QEMU version, or too little memory.",
                (
                    do(
                        "set `emulators.image` to another version of tonistiigi/binfmt, then sudo provisioner apply "
                        "--only emulators"
                    ),
                    do("build this platform on a machine that runs it natively: `builder.nodes`"),
                ),
            ),
        ),
    ),
    Error(
        "native-crash",
        "ELF load command address/offset not page-aligned",
        (
            r"ELF load command \S+ not (page|properly)[ -]aligned",
            r"^(?!.*\.buildkit_qemu_emulator).*did not complete successfully: exit code: 139",
        ),
        (
            Cause(
                "large-pages",
                "This kernel's pages of memory are larger than 4 KB. Programs that were made for pages of 4 KB crash"
                " there, for example those of Debian 12 for linux/arm/v7.",
                (
                    do("boot a kernel with pages of 4 KB (Raspberry Pi 5: `kernel=kernel8.img` in config.txt)"),
                    do("or build on a base image that runs here, for example Debian 13"),
                ),
            ),
            Cause(
                "",
                "The program itself crashes (signal 11), or its file is damaged.",
                (do("run the same step in a container, where you can debug it: docker run -it IMAGE sh"),),
            ),
        ),
    ),
    Error(
        "foreign-loader",
        "qemu-aarch64: Could not open '/lib/ld-linux-aarch64.so.1'",
        (r"could not open '/lib\S*/ld-", r"invalid elf image for this architecture"),
        (
            Cause(
                "",
                "A program of another platform was started without that platform's libraries around it. It runs"
                " inside an image of its platform.",
                (run("docker run --rm --platform linux/arm64 IMAGE PROGRAM"),),
            ),
        ),
    ),
)
