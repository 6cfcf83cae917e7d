"""Files written whole or not at all."""
import contextlib
import os


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
