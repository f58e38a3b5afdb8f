"""The folder of a run as packages/diffusion/src/train/node keeps it: checkpoints (docs/checkpoint-format.md), metrics.jsonl, and run.lock."""
import contextlib, ctypes, hashlib, json, os, re, socket, struct, time
import torch
from . import Refused

DTYPES = {"F64": torch.float64, "F32": torch.float32, "I32": torch.int32}
CHECKPOINT, AVERAGE = re.compile(r"^checkpoint-(\d+)\.safetensors$"), re.compile(r"^average-0\.\d+-(\d+)\.safetensors$")

def to_json(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

def sha256(data):
    return hashlib.sha256(data).hexdigest()

def bytes_of(tensor):
    """The bytes of a contiguous tensor in host memory, not copied."""
    return memoryview((ctypes.c_char * (tensor.numel() * tensor.element_size())).from_address(tensor.data_ptr())).cast("B")

def read_safetensors(path):
    """What a file says beside its tensors, and these: of the mapped file, each compared with its digest."""
    raw = torch.from_file(path, shared=False, size=os.path.getsize(path), dtype=torch.uint8)
    end = 8 + struct.unpack("<Q", bytes(bytes_of(raw[:8])))[0]
    header = json.loads(bytes(bytes_of(raw[8:end])))
    said = header.pop("__metadata__")
    if said.get("fromnoise.sha256") not in (None, sha256(said["fromnoise"].encode())):
        raise Refused(f"{path}: what it says beside its tensors is damaged")
    info, tensors = json.loads(said["fromnoise"]), {}
    for name, entry in header.items():
        data = raw[end:][slice(*entry["data_offsets"])]
        if sha256(bytes_of(data)) != info["digests"][name]:
            raise Refused(f'{path}: tensor "{name}" is damaged: its bytes are not those that were saved')
        tensors[name] = data.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return info, tensors

def replace_file(path, parts):
    """As a whole, whatever ends this program: temporary name, flush, rename, flush of the folder."""
    partial = f"{path}.{os.getpid()}-1.partial"
    with open(partial, "wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file)
    os.replace(partial, path)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)

def write_safetensors(path, info, tensors):
    """Tensors are contiguous, of one dtype, and in host memory."""
    parts, fields, end = {name: bytes_of(tensors[name]) for name in sorted(tensors)}, {}, 0
    for name, data in parts.items():
        dtype = next(key for key, value in DTYPES.items() if value == tensors[name].dtype)
        fields[name] = {"dtype": dtype, "shape": list(tensors[name].shape), "data_offsets": [end, end := end + len(data)]}
    text = to_json({**info, "digests": {name: sha256(data) for name, data in parts.items()}})
    header = to_json({"__metadata__": {"fromnoise": text, "fromnoise.sha256": sha256(text.encode())}, **fields}).encode()
    header += b" " * (-len(header) % 8)
    replace_file(path, [struct.pack("<Q", len(header)), header, *parts.values()])

class RunDirectory:
    """The folder of a run, owned until `close`."""

    def __init__(self, path):
        self.path, self.metrics, self.lock = path, None, os.path.join(path, "run.lock")
        if not os.path.isdir(path) or not self.steps():
            raise Refused(f"{path} holds no checkpoint\n  hint     fromnoise train writes one before its first step")
        lock(self.lock)

    def file(self, name):
        return os.path.join(self.path, name)

    def steps(self):
        return sorted(int(match[1]) for match in map(CHECKPOINT.match, os.listdir(self.path)) if match)

    def cut(self, step):
        """Drops what a kill has left, and metrics and averages of steps after the one that the run goes on from."""
        path = self.file("metrics.jsonl")
        lines = open(path, "rb").readlines() if os.path.exists(path) else []
        replace_file(path, [line for line in lines if line.endswith(b"\n") and json.loads(line)["step"] <= step])
        for name in os.listdir(self.path):
            if ((average := AVERAGE.match(name)) and int(average[1]) > step) or re.search(r"\.\d+-\d+\.partial$", name):
                os.remove(self.file(name))

    def append(self, metrics):
        self.metrics = self.metrics or open(self.file("metrics.jsonl"), "ab", buffering=0)
        self.metrics.write(f"{to_json(metrics)}\n".encode())
        os.utime(self.lock)

    def save(self, step, info, tensors, keep):
        if self.metrics:                                                   # before the checkpoint is
            os.fsync(self.metrics)
        write_safetensors(self.file(f"checkpoint-{step}.safetensors"), info, tensors)
        for old in self.steps()[:-keep]:
            os.remove(self.file(f"checkpoint-{old}.safetensors"))

    def close(self):
        os.remove(self.lock)

def lock(path):
    """Creates run.lock as run-lock.ts does; of several that find the lock of a program that has ended, one takes it over."""
    while True:
        with contextlib.suppress(FileExistsError), open(path, "x") as file:
            return file.write(to_json(owner(os.getpid())[0]) + "\n")
        with contextlib.suppress(FileNotFoundError):                       # released meanwhile
            found, age = open(path).read(), time.time() - os.path.getmtime(path)
            if not ended(found, age):
                raise Refused(f"this run is in use\n  lock     {path}, of {found.strip()}\n  hint     stop that program first; the lock goes with it")
            guard = f"{path}.{sha256(found.encode())[:12]}"
            lock(guard)
            if os.path.exists(path) and open(path).read() == found:
                os.remove(path)
            os.remove(guard)

def owner(pid):
    """A process as its lock names it, and its state: "" where it is none."""
    read = lambda path: open(path).read().strip() if os.path.exists(path) else ""
    fields, space = read(f"/proc/{pid}/stat").rpartition(")")[2].split() or [""] * 20, "/proc/self/ns/pid"
    place = {"host": socket.gethostname(), "space": os.readlink(space) if os.path.islink(space) else ""}
    return {"pid": pid, "started": fields[19], "boot": read("/proc/sys/kernel/random/boot_id"), **place}, fields[0]

def ended(text, age):
    """Whether the program of a lock has ended; where it cannot be asked, so long without a step counts as that."""
    try:
        held = json.loads(text)
        own, state = owner(held["pid"])
    except (ValueError, KeyError, TypeError):
        return age > 10
    if (held["host"], held["space"]) != (own["host"], own["space"]):
        return age > 900
    return held != own or state in ("", "Z", "X")
