"""PyTorch: torchvision's own networks, channels-last; BLAS and malloc tuned by the environment that peers.mjs gives.

Inference is a frozen TorchScript (batch norms folded); training is eager, as PyTorch 1.13 trains.
"""
import json
import sys
import time

import numpy as np
import torch
import torchvision.models as zoo
from pytorch_networks import CifarResNet20, LeNet5, UNet
from torch import nn

job = json.loads(sys.argv[1])
torch.set_num_threads(job["threads"])
torch.manual_seed(1)

networks = {
    "lenet5": LeNet5,
    "alexnet": lambda: zoo.alexnet(dropout=0.0),
    "vgg16": lambda: zoo.vgg16(dropout=0.0),
    "googlenet": lambda: zoo.googlenet(aux_logits=False, init_weights=False),
    "resnet18": zoo.resnet18,
    "resnet50": zoo.resnet50,
    "mobilenetv2": zoo.mobilenet_v2,
    "inceptionv3": lambda: zoo.inception_v3(aux_logits=False, init_weights=False),
    "densenet121": zoo.densenet121,
    "unet": UNet,
    "cifar_resnet20": CifarResNet20,
}


def read_weights(path):
    """A safetensors file: header length, JSON header, raw data."""
    data = open(path, "rb").read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    types = {"F32": np.float32, "I32": np.int32}
    state = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + size + begin : 8 + size + end], types[entry["dtype"]])
        state[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return state


net = networks[job["network"]]()
net.load_state_dict(read_weights(f"{job['folder']}/weights.safetensors"))
net = net.to(memory_format=torch.channels_last)
x = np.fromfile(f"{job['folder']}/input.f32", np.float32).reshape(job["batch"], *job["input"])
x = torch.from_numpy(x).to(memory_format=torch.channels_last)

if job["task"] == "inference":
    net.eval()
    with torch.no_grad():
        net = torch.jit.freeze(torch.jit.trace(net, x))
        net = torch.jit.optimize_for_inference(net)

    def once():
        with torch.no_grad():
            return net(x)
else:
    net.train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    with torch.no_grad():
        _, classes, *pixels = net.eval()(x[:1]).shape
    net.train()
    # A label per image, or per pixel where the network labels pixels.
    y = torch.arange(job["batch"] * int(np.prod(pixels))).reshape(job["batch"], *pixels) % min(classes, 10)

    def once():
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss


def say(answer):
    print(json.dumps(answer), flush=True)


def peak_bytes():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return 1024 * int(line.split()[1])


say({"ready": torch.__version__})
last = None
for line in sys.stdin:
    command = line.split()
    if command[0] == "run":
        start = time.perf_counter()
        for _ in range(int(command[1])):
            last = once()
        loss = last.item() if job["task"] == "training" else None
        say({"seconds": time.perf_counter() - start, "loss": loss})
    elif command[0] == "output":
        path = f"{job['folder']}/output.{job['name']}.f32"
        last.contiguous().numpy().tofile(path)
        say({"file": path})
    else:
        say({"peakBytes": peak_bytes()})
