"""
The folder of a run as packages/diffusion/src/train/node keeps it: safetensors with digests (docs/checkpoint-format.md), metrics.jsonl, run.lock.
Files are replaced as a whole, metrics are on the disk before each checkpoint is, and one program owns a run.
"""
import ctypes, hashlib, json, os, re, socket, struct, time
import torch
from . import Refused

DTYPES = {"F64": torch.float64, "F32": torch.float32, "I32": torch.int32}
CHECKPOINT, AVERAGE = re.compile(r"^checkpoint-(\d+)\.safetensors$"), re.compile(r"^average-0\.\d+-(\d+)\.safetensors$")
LEFTOVER = re.compile(r"^((checkpoint|average)-[\d.-]+\.safetensors|metrics\.jsonl)\.\d+-\d+\.partial$")

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
        data = raw[end + entry["data_offsets"][0]:end + entry["data_offsets"][1]]
        if sha256(bytes_of(data)) != info["digests"][name]:
            raise Refused(f'{path}: tensor "{name}" is damaged: its bytes are not those that were saved')
        tensors[name] = data.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return info, tensors

def replace_file(path, parts):
    """Temporary name, flush, rename, flush of the folder."""
    partial = f"{path}.{os.getpid()}-1.partial"
    with open(partial, "wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)

def write_safetensors(path, info, tensors):
    """Tensors are contiguous, of one dtype, and in host memory."""
    parts, fields, digests, end = [], {}, {}, 0
    for name in sorted(tensors):
        tensor, data = tensors[name], bytes_of(tensors[name])
        dtype = next(key for key, value in DTYPES.items() if value == tensor.dtype)
        fields[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [end, end + len(data)]}
        digests[name], end = sha256(data), end + len(data)
        parts.append(data)
    text = to_json({**info, "digests": digests})
    header = to_json({"__metadata__": {"fromnoise": text, "fromnoise.sha256": sha256(text.encode())}, **fields}).encode()
    header += b" " * (-len(header) % 8)
    replace_file(path, [struct.pack("<Q", len(header)), header, *parts])

class RunDirectory:
    """The folder of a run, owned until `close`."""

    def __init__(self, path):
        self.path, self.metrics = path, None
        if not os.path.isdir(path) or not self.steps():
            raise Refused(f"{path} holds no checkpoint\n  hint     fromnoise train writes one before its first step")
        self.lock = lock(self.file("run.lock"))
        for name in os.listdir(path):
            if LEFTOVER.match(name):
                os.remove(self.file(name))

    def file(self, name):
        return os.path.join(self.path, name)

    def steps(self):
        return sorted(int(match[1]) for match in map(CHECKPOINT.match, os.listdir(self.path)) if match)

    def cut(self, step):
        """Drops the metrics and averages of steps after the one that the run goes on from."""
        path = self.file("metrics.jsonl")
        lines = open(path, "rb").readlines() if os.path.exists(path) else []
        replace_file(path, [line for line in lines if line.endswith(b"\n") and json.loads(line)["step"] <= step])
        for match in map(AVERAGE.match, os.listdir(self.path)):
            if match and int(match[1]) > step:
                os.remove(self.file(match[0]))

    def append(self, metrics):
        self.metrics = self.metrics or open(self.file("metrics.jsonl"), "ab", buffering=0)
        self.metrics.write(f"{to_json(metrics)}\n".encode())
        os.utime(self.lock)

    def save(self, step, info, tensors, keep):
        if self.metrics:
            os.fsync(self.metrics.fileno())
        write_safetensors(self.file(f"checkpoint-{step}.safetensors"), info, tensors)
        for old in self.steps()[:-keep]:
            os.remove(self.file(f"checkpoint-{old}.safetensors"))

    def close(self):
        os.remove(self.lock)

def lock(path):
    """Creates run.lock, as run-lock.ts does; of two that find the lock of a program that has ended, one takes it over."""
    while True:
        try:
            with open(path, "x") as file:
                file.write(to_json(owner(os.getpid())) + "\n")
            return path
        except FileExistsError:
            try:
                found, age = open(path).read(), time.time() - os.path.getmtime(path)
            except FileNotFoundError:
                continue
        who = living(found, age)
        if who is not None:
            raise Refused(f"this run is in use by {who}\n  lock     {path}\n  hint     stop that program first; the lock goes with it")
        guard = lock(f"{path}.{sha256(found.encode())[:12]}")
        if os.path.exists(path) and open(path).read() == found:
            os.remove(path)
        os.remove(guard)

def stat(pid):
    """State and start of a process: fields 3 and 22 of /proc/<pid>/stat."""
    path = f"/proc/{pid}/stat"
    fields = open(path).read().rpartition(")")[2].split() if os.path.exists(path) else []
    return (fields[0], fields[19]) if fields else ("", "")

def owner(pid):
    boot, space = "/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"
    return {
        "pid": pid, "started": stat(pid)[1], "boot": open(boot).read().strip() if os.path.exists(boot) else "",
        "host": socket.gethostname(), "space": os.readlink(space) if os.path.islink(space) else "",
    }

def living(text, age):
    """Who holds a lock; None where that program has ended."""
    try:
        held = json.loads(text)
        own = owner(held["pid"])
    except (ValueError, KeyError, TypeError):
        return "another program, which has just begun" if age <= 10 else None
    ended = held != own or stat(held["pid"])[0] in ("", "Z", "X")
    if held["host"] != own["host"] or held["space"] != own["space"]:
        ended = age > 900
    return None if ended else f"process {held['pid']} on {held['host']}"
