"""Files written whole or not at all, and what is said when one is wrong."""
import contextlib
import os
import sys


class BadInput(ValueError):
    """A file, or an option, that a program cannot go on with; the message names it and what to do."""


def program(main):
    """Runs main() as a program: for what its files and options are to blame for, it ends with one line."""
    try:
        main()
    except (OSError, BadInput) as error:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")


@contextlib.contextmanager
def whole(path, mode="wb", **how):
    """Opens a temporary file beside path; it takes path's place only when the block ends well and the bytes are on
    the disk. A kill or a full disk leaves the old file as it was."""
    path = os.fspath(path)
    folder = os.path.dirname(path) or "."
    os.makedirs(folder, exist_ok=True)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, mode, **how) as f:
            yield f
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)    # the rename too
    finally:
        os.close(handle)
