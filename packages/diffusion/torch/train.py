"""Goes on with a run of fromnoise on several processes, as `fromnoise scale` starts it: docs/scale.md."""
import argparse, contextlib, os, signal, sys
import torch
import torch.distributed as dist
from fromnoise_torch import Refused
from fromnoise_torch.files import RunDirectory, read_safetensors, write_safetensors
from fromnoise_torch.trainer import Trainer

def open_run(path, device, stack):
    """The trainer, and in the first process the run's folder, which is its own until the stack closes. What it refuses, all refuse."""
    directory, held = None, [None]
    try:
        if dist.get_rank() == 0:
            directory = stack.enter_context(contextlib.closing(RunDirectory(path)))
            held = [directory.steps()[-1]]
    except Refused as refused:
        held = [refused]
    dist.broadcast_object_list(held, src=0)
    if isinstance(held[0], Refused):
        raise held[0]
    (info, tensors), (data, decoded) = (read_safetensors(os.path.join(path, f"{name}.safetensors")) for name in (f"checkpoint-{held[0]}", "decoded"))
    seen = [None] * dist.get_world_size()
    dist.all_gather_object(seen, [info["digests"], data["digests"]])
    if any(other != seen[0] for other in seen) or info["format"] != "fromnoise-checkpoint-2" or "position" not in info:
        raise Refused(f"{path}: all processes have to see one run, of format 2")
    return Trainer(info, tensors, decoded, device), directory

def train(trainer, directory, until):
    """Steps up to the run's last, or `until`, or until a process is asked to stop; the first process writes the files."""
    config, stop, stopped = trainer.config, [], False
    last = min(config["steps"], until or config["steps"])
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: stop.append(number))
    if directory is not None:
        directory.cut(trainer.step)
        print(f"{trainer.world} processes, {trainer.device.type}; after step {trainer.step} of {config['steps']}, to step {last}", file=sys.stderr)
    while trainer.step < last and not stopped:
        metrics, stopped = trainer.train_step(bool(stop))
        if directory is None:
            continue
        directory.append(metrics)
        if config["profiles"]["every"] > 0 and trainer.step % config["profiles"]["every"] == 0:
            for length, file in trainer.averages().items():
                write_safetensors(directory.file(f"average-{length}-{trainer.step}.safetensors"), *file)
        if trainer.step % config["checkpointEvery"] == 0 or trainer.step == last or stopped:
            directory.save(trainer.step, *trainer.checkpoint(), config["keep"])
            print(f"step {trainer.step} loss {metrics['loss']:.4f} images/s {metrics['imagesPerSecond']:.1f}, saved", file=sys.stderr)

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="the folder of the run, where `fromnoise scale` has written the decoded data")
    parser.add_argument("--until", type=int, help="stop after this step, saving; default: the run's last")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False      # f32 as it is everywhere else
    device = torch.device("cpu") if options.device == "cpu" else torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    if options.device == "cuda":
        torch.cuda.set_device(device)
    alone = {} if "RANK" in os.environ else {"store": dist.HashStore(), "rank": 0, "world_size": 1}
    dist.init_process_group("gloo" if options.device == "cpu" else "nccl", **alone)
    try:
        with contextlib.ExitStack() as stack:
            stack.callback(dist.destroy_process_group)     # its threads end before Python does: one that asks a finished Python for its lock aborts
            train(*open_run(options.run, device, stack), options.until)
    except Refused as refused:
        sys.exit(f"Refused: {refused}" if dist.get_rank() == 0 else 2)

if __name__ == "__main__":
    main()
