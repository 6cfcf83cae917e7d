"""GGUF files: metadata and tensors as F32, F16, BF16 (read only) or Q8_0.

read(path)  -> (metadata: dict, tensors: dict of float32 arrays)
write(path, metadata, tensors) with tensors a dict name -> (array, type name)

Arrays have PyTorch's order of dimensions; the file lists them the other way round, the bytes are the same.
"""
import struct

import numpy as np

from files import BadInput, whole

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TYPES = {"F32": 0, "F16": 1, "Q8_0": 8, "BF16": 30}
NAMES = {number: name for name, number in TYPES.items()}
FILE_TYPES = {"F32": 0, "F16": 1, "Q8_0": 7}
BLOCK = 32                      # elements of a Q8_0 block: one F16 scale, then 32 signed bytes


class Reader:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.data, self.at, self.path = f.read(), 0, path

    def take(self, n):
        if self.at + n > len(self.data):
            raise BadInput(f"{self.path}: ends at byte {len(self.data)}, inside of what starts at {self.at}; "
                             "get the file again")
        piece = self.data[self.at : self.at + n]
        self.at += n
        return piece

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def string(self):
        return self.take(self.number("<Q")).decode("utf-8", "surrogateescape")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            kind, n = self.number("<I"), self.number("<Q")
            if kind in (STRING, ARRAY):
                return [self.value(kind) for _ in range(n)]
            return np.frombuffer(self.take(n * struct.calcsize(SCALARS[kind])), SCALARS[kind]).tolist()
        return self.number(SCALARS[kind])


def read(path):
    r = Reader(path)
    if r.take(4) != MAGIC:
        raise BadInput(f"{path}: not a GGUF file (the first four bytes are not 'GGUF')")
    version = r.number("<I")
    if version not in (2, 3):
        raise BadInput(f"{path}: GGUF version {version}; versions 2 and 3 are read")
    n_tensors, n_keys = r.number("<Q"), r.number("<Q")
    metadata = {}
    for _ in range(n_keys):
        key = r.string()
        metadata[key] = r.value(r.number("<I"))
    infos = []
    for _ in range(n_tensors):
        name = r.string()
        shape = [r.number("<Q") for _ in range(r.number("<I"))][::-1]
        infos.append((name, shape, r.number("<I"), r.number("<Q")))
    alignment = metadata.get("general.alignment", ALIGNMENT)
    start = -(-r.at // alignment) * alignment
    tensors = {}
    for name, shape, kind, offset in infos:
        if kind not in NAMES:
            raise BadInput(f"{path}: tensor {name} has type {kind}; F32, F16, BF16 and Q8_0 are read")
        r.at = start + offset
        tensors[name] = decode(r.take(size(shape, NAMES[kind])), shape, NAMES[kind])
    return metadata, tensors


def size(shape, kind):
    n = int(np.prod(shape))
    return n // BLOCK * (BLOCK + 2) if kind == "Q8_0" else n * (4 if kind == "F32" else 2)


def decode(data, shape, kind):
    if kind == "F32":
        return np.frombuffer(data, "<f4").reshape(shape).copy()
    if kind == "F16":
        return np.frombuffer(data, "<f2").reshape(shape).astype(np.float32)
    if kind == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    blocks = np.frombuffer(data, [("scale", "<f2"), ("codes", "i1", BLOCK)])
    return (blocks["scale"].astype(np.float32)[:, None] * blocks["codes"]).reshape(shape)


def encode(array, kind):
    array = np.ascontiguousarray(array, np.float32)
    if kind == "F32":
        return array.astype("<f4").tobytes()
    if kind == "F16":
        return array.astype("<f2").tobytes()
    if kind != "Q8_0":
        raise BadInput(f"type {kind} is not written; choose F32, F16 or Q8_0")
    if array.shape[-1] % BLOCK:
        raise BadInput(f"rows of {array.shape[-1]} values are not whole Q8_0 blocks of {BLOCK}; store them as F16")
    x = array.reshape(-1, BLOCK)
    scale = np.abs(x).max(1) / np.float32(127)
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    scaled = x * inverse[:, None]
    blocks = np.empty(len(x), [("scale", "<f2"), ("codes", "i1", BLOCK)])
    blocks["scale"] = scale
    blocks["codes"] = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)     # ties away from zero, as roundf
    return blocks.tobytes()


def as_stored(array, kind):
    """What a reader of the file will see."""
    return decode(encode(array, kind), array.shape, kind)


def pack_string(s):
    s = s.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(s)) + s


def pack_value(value):
    """Python values in the types that readers of model files ask for: u32, f32, bool, string, arrays of i32 or of
    strings."""
    if isinstance(value, bool):
        return struct.pack("<I?", BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", U32, value)
    if isinstance(value, float):
        return struct.pack("<If", F32, value)
    if isinstance(value, str):
        return struct.pack("<I", STRING) + pack_string(value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", ARRAY, STRING, len(value)) + b"".join(map(pack_string, value))
    return struct.pack("<IIQ", ARRAY, I32, len(value)) + np.asarray(value, "<i4").tobytes()


def write(path, metadata, tensors):
    head = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        head += [pack_string(key), pack_value(value)]
    offset = 0
    for name, (array, kind) in tensors.items():
        head += [pack_string(name), struct.pack("<I", array.ndim), struct.pack(f"<{array.ndim}Q", *array.shape[::-1]),
                 struct.pack("<IQ", TYPES[kind], offset)]
        offset += -(-size(array.shape, kind) // ALIGNMENT) * ALIGNMENT
    with whole(path) as f:
        for piece in [b"".join(head), *(encode(array, kind) for array, kind in tensors.values())]:
            f.write(piece + bytes(-len(piece) % ALIGNMENT))
