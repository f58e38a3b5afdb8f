"""Algorithm 1 of Ho et al. 2020 on several processes: packages/diffusion/src/train."""
import contextlib, math, time
import torch
import torch.distributed as dist
from . import Refused, one_of, refuse
from .bound import combine
from .numbers import Random
from .process import Process
from .unet import UNet

#: Streams of the seed: packages/diffusion/src/train/trainer.ts and data/batches.ts.
STREAMS = {"timesteps": 1, "noise": 2, "dropout": 3, "offset": 6, "labels": 7, "selfCondition": 8}
ORDER, FLIPS = 2 ** 50, 2 ** 51

def exponent_of(length):
    """The exponent of an average by a power of time: packages/nn/src/optim/power-profile.ts."""
    length_of = lambda gamma: math.sqrt(gamma + 1) / ((gamma + 2) * math.sqrt(gamma + 3))
    low, high = (math.sqrt(5) - 3) / 2, 2.0 ** 14
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if length_of(middle) > length else (low, middle)
    return middle

class Trainer:
    """A run in memory, of a checkpoint and of images [N, H, W, C] with labels [N]. Each kind of tensor (parameters, moments) is one vector."""

    def __init__(self, info, tensors, decoded, device):
        model, position, self.info, self.device, self.images = info["model"], info["position"], info, device, decoded["images"]
        self.config = config = {**info["training"], "schedule": model["process"], "prediction": model["prediction"], "variance": model["variance"]}
        self.world, self.process = dist.get_world_size(), Process(config)
        net = UNet(model["network"], self.process.heads)
        one_of("lrSchedule.name", config["lrSchedule"]["name"], ["constant", "linear-warmup", "cosine"])
        if config["batch"] < self.world:
            refuse("batch", config["batch"], f"from {self.world}, an image for each process")
        self.labels = None if net.cfg["num_class_embeds"] is None else decoded["labels"].long()
        if config["labelDrop"] > 0 and self.labels is not None:
            one_of("labelDrop without a null class", net.cfg.get("_null_class", False), [True])
        self.profiles = {f"average-{l}.": exponent_of(l) for l in config["profiles"]["lengths"] if config["profiles"]["every"] > 0}
        self.shapes = {name: p.shape for name, p in net.named_parameters()}
        groups = ["model.", "ema.", "adam.m.", "adam.v.", *self.profiles]
        if {name: tensor.shape for name, tensor in tensors.items()} != {group + name: shape for group in groups for name, shape in self.shapes.items()}:
            raise Refused("the checkpoint's tensors are not those of the network that it describes")
        self.flat = {group: torch.cat([tensors[group + name].flatten() for name in self.shapes]).to(device) for group in groups}
        for p, view in zip(net.parameters(), self.views(self.flat["model."])):
            p.data = view                                                  # the network's parameters are views of theirs
        self.net = torch.nn.parallel.DistributedDataParallel(net, device_ids=None if device.type == "cpu" else [device], broadcast_buffers=False)
        self.step, self.at, self.epoch, self.dtype, self.began = position["step"], position["data"], None, self.flat["ema."].dtype, time.perf_counter()
        self.random = {name: Random(**position["random"].get(name, {"seed": config["seed"], "stream": s})) for name, s in STREAMS.items()}

    def views(self, vector):
        return [part.view(shape) for part, shape in zip(vector.split([shape.numel() for shape in self.shapes.values()]), self.shapes.values())]

    def index(self, position):
        """The image at a position of the order of training."""
        epoch, i = divmod(position, len(self.images))
        if epoch != self.epoch:
            self.order, self.epoch = Random(self.config["seed"], ORDER + epoch).permutation(len(self.images)), epoch
        return self.order[i]

    def micro_batch(self, report):
        """Backward of this process's images of the next micro-batch, for DistributedDataParallel's mean; adds loss and errors to the report."""
        config, process, count = self.config, self.process, self.config["batch"]
        begin, end = (count * r // self.world for r in (dist.get_rank(), dist.get_rank() + 1))
        indices = [self.index(self.at + i) for i in range(count)][begin:end]
        x0 = self.images[indices].to(self.dtype)
        if config["flip"]:
            mirrored = torch.cat([Random(config["seed"], FLIPS, self.at + i).uniform(1) for i in range(begin, end)]) < 0.5
            x0[mirrored] = x0[mirrored].flip(2)
        self.at += count
        steps = process.draw(count, self.random["timesteps"])[begin:end]
        draw = lambda stream, each: self.random[stream].normal(count * each, begin * each, end * each).to(self.dtype)
        eps = draw("noise", x0[0].numel()).view_as(x0)
        if config["offsetNoise"] > 0:
            eps = eps + draw("offset", x0.shape[3]).view(-1, 1, 1, x0.shape[3]) * config["offsetNoise"]
        labels = None if self.labels is None else self.labels[indices]
        if labels is not None and config["labelDrop"] > 0:
            labels[self.random["labels"].uniform(count)[begin:end] < config["labelDrop"]] = self.net.module.cfg["num_class_embeds"] - 1
        x0, eps = (x.permute(0, 3, 1, 2).contiguous().to(self.device) for x in (x0, eps))
        xt, features = combine((process.levels[t] for t in steps), x0, eps), self.net.module.features([t * process.time_scale for t in steps])
        output = self.net(xt, features.to(xt), labels if labels is None else labels.to(self.device))
        errors, costs = process.costs(output, x0, eps, xt, steps)
        (costs.sum() * (self.world / (count * config["accumulate"]))).backward()
        report[0] += costs.detach().double().sum().cpu() / (count * config["accumulate"])
        buckets = torch.tensor([t * 10 // process.count for t in steps])
        report[2:12].index_add_(0, buckets, errors.detach().double().cpu())
        report[12:].index_add_(0, buckets, torch.ones(len(steps), dtype=torch.float64))

    def train_step(self, stop):
        """One optimiser step: its metrics, and whether any process was asked to stop."""
        config, started = self.config, time.perf_counter()
        report = torch.tensor([0.0, float(stop)] + [0.0] * 20, dtype=torch.float64)      # loss, stop, errors and counts by tenth of the steps
        self.net.zero_grad(set_to_none=True)
        for k in range(config["accumulate"]):
            with self.net.no_sync() if k < config["accumulate"] - 1 else contextlib.nullcontext():
                self.micro_batch(report)
        dist.all_reduce(report := report.to(self.device))
        loss, stops, *buckets = report.tolist()
        gradient = torch.cat([p.grad.flatten() for p in self.net.parameters()])
        norm = torch.sqrt(torch.sum(gradient * gradient)).item()
        if not math.isfinite(norm + loss):
            raise Refused(f"step {self.step + 1}: the loss is {loss}, the norm of the gradient {norm}\n  kept     the newest checkpoint")
        lr, now = self.update(gradient, norm), time.perf_counter()
        return {
            "step": self.step, "loss": loss, "gradNorm": norm, "lr": lr,
            "buckets": [error / n if n else None for error, n in zip(buckets[:10], buckets[10:])],
            "imagesPerSecond": config["batch"] * config["accumulate"] / (now - started), "seconds": now - self.began,
        }, stops > 0

    def update(self, gradient, norm):
        """Clips, then Adam (Kingma, Ba 2014, algorithm 1) with decoupled decay, then the averages; gives the learning rate."""
        config, optimizer, lr = self.config, self.config["optimizer"], self.learning_rate()
        p, m, v = (self.flat[group] for group in ("model.", "adam.m.", "adam.v."))
        if config["gradClip"] > 0:
            gradient *= min(1, config["gradClip"] / (norm + 1e-6))
        self.step, (beta1, beta2) = self.step + 1, optimizer["betas"]
        m.mul_(beta1).add_(gradient * (1 - beta1))
        v.mul_(beta2).add_(gradient * gradient * (1 - beta2))
        root = torch.sqrt(v / (1 - beta2 ** self.step)) + optimizer["eps"]
        p.mul_(1 - lr * optimizer["weightDecay"]).sub_(lr * (m / (1 - beta1 ** self.step)) / root)
        for group, decay in [("ema.", self.decay()), *((name, (1 - 1 / self.step) ** (gamma + 1)) for name, gamma in self.profiles.items())]:
            self.flat[group].mul_(decay).add_(p * (1 - decay))
        return lr

    def decay(self):
        """Of the moving average in this step (packages/nn/src/optim/ema.ts): 0 makes a copy, 1 lets it stand."""
        ema, s = self.config["ema"], self.step - 1 - self.config["ema"]["start"]
        if (self.step - 1) % ema["every"] != 0:
            return 1
        if s < 0 or (s == 0 and ema["warmup"] != "none") or (s <= ema["every"] and ema["warmup"] == "ema-pytorch"):
            return 0
        grown = {"none": 1, "ratio": (1 + s) / (10 + s)}.get(ema["warmup"], 1 - (1 + s / ema["invGamma"]) ** -ema["power"])
        return min(ema["decay"], grown)

    def learning_rate(self):
        lr, name, warmup = self.config["optimizer"]["lr"], self.config["lrSchedule"]["name"], self.config["lrSchedule"]["warmup"]
        if name != "constant" and self.step < warmup:
            return lr * self.step / warmup
        return lr * (1 + math.cos(math.pi * min((self.step - warmup) / max(1, self.config["steps"] - warmup), 1))) / 2 if name == "cosine" else lr

    def saved(self, groups, **said):
        """What a file says and its tensors, of groups {name here: how its names begin there}. Refuses values that are not finite."""
        vectors = {begin: self.flat[group].cpu() for group, begin in groups.items()}
        if not all(torch.isfinite(vector).all() for vector in vectors.values()):
            raise Refused(f"step {self.step}: a parameter is not finite, so it is not saved\n  kept     the newest checkpoint")
        tensors = {begin + name: view for begin, vector in vectors.items() for name, view in zip(self.shapes, self.views(vector))}
        return {**{key: self.info[key] for key in ("format", "model", "training", "facts") if key in self.info}, **said}, tensors

    def checkpoint(self):
        random = {name: stream.__dict__ for name, stream in self.random.items()}
        return self.saved({group: group for group in self.flat}, position={**self.info["position"], "step": self.step, "data": self.at, "random": random})

    def averages(self):
        """{length: what its file says, and its tensors} of the averages by powers of time."""
        lengths = ((group, float(group[8:-1])) for group in self.profiles)
        return {length: self.saved({group: "ema."}, average={"length": length, "step": self.step}) for group, length in lengths}
