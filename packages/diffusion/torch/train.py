"""
Goes on with a run of fromnoise on several processes, as `fromnoise scale` starts it: docs/scale.md.
  torchrun --standalone --nproc_per_node 8 train.py RUN [--until STEP] [--device cpu|cuda]
"""
import argparse, json, os, signal, sys
import torch
import torch.distributed as dist
from fromnoise_torch import Refused
from fromnoise_torch.files import RunDirectory, read_safetensors, write_safetensors
from fromnoise_torch.trainer import Trainer

def from_first(make):
    """What `make` gives in the first process, in all; its refusal too."""
    held = [None, None]
    if dist.get_rank() == 0:
        try:
            held[0] = make()
        except Refused as refused:
            held[1] = str(refused)
    dist.broadcast_object_list(held, src=0)
    if held[1] is not None:
        raise Refused(held[1])
    return held[0]

def train(options, device):
    first, stop = dist.get_rank() == 0, []
    directory = tensors = None
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _: stop.append(number))

    def opened():
        nonlocal directory, tensors
        directory = RunDirectory(options.run)
        info, tensors = read_safetensors(directory.file(f"checkpoint-{directory.steps()[-1]}.safetensors"))
        return info, {name: list(tensor.shape) for name, tensor in tensors.items()}

    try:
        info, layout = from_first(opened)
        data, decoded = read_safetensors(os.path.join(options.run, "decoded.safetensors"))
        if info.get("format") != "fromnoise-checkpoint-2" or "position" not in info:
            raise Refused(f"{options.run}: its checkpoint is of no run of format 2")
        if from_first(lambda: data["digests"]) != data["digests"]:
            raise Refused(f"{options.run}: its decoded data is not the same on all machines")
        trainer = Trainer(info, layout, tensors, decoded["images"], decoded.get("labels"), device)
        tensors = None
        config, last = trainer.config, min(trainer.config["steps"], options.until or trainer.config["steps"])
        saved = trainer.step
        if first:
            directory.cut(trainer.step)
            print(f"{trainer.world} processes, {device.type}; after step {trainer.step} of {config['steps']}, to step {last}", file=sys.stderr)
            if config["previewEvery"] or config["boundEvery"]:
                print("note     previews and bounds are made by fromnoise train alone: none until the run is back there", file=sys.stderr)
        stopped = False
        while trainer.step < last and not stopped:
            metrics, stopped = trainer.train_step(bool(stop))
            if not first:
                continue
            directory.append(metrics)
            if config["profiles"]["every"] > 0 and trainer.step % config["profiles"]["every"] == 0:
                for length, said, held in trainer.averages():
                    write_safetensors(directory.file(f"average-{json.dumps(length)}-{trainer.step}.safetensors"), said, held)
            if trainer.step % config["checkpointEvery"] == 0 or trainer.step == last or stopped:
                directory.save(trainer.step, *trainer.checkpoint(), config["keep"])
                print(f"step {trainer.step} loss {metrics['loss']:.4f} images/s {metrics['imagesPerSecond']:.1f}", file=sys.stderr)
        if first:
            print(f"saved after step {trainer.step} in {options.run}; goes on with: fromnoise train --out {options.run} --resume")
    finally:
        if directory is not None:
            directory.close()

def main():
    parser = argparse.ArgumentParser(description="Goes on with a run of fromnoise on several processes: docs/scale.md.")
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
        train(options, device)
    except Refused as refused:
        if dist.get_rank() == 0:
            print(f"Refused: {refused}", file=sys.stderr)
        sys.exit(2)

if __name__ == "__main__":
    main()
