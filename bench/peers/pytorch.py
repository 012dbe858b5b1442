"""PyTorch training LeNet-5: channels-last, with Debian's BLAS and malloc tuned by the environment of training.mjs."""
import json
import math
import sys
import time

import torch
from torch import nn

batch, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)


def formula(which, size):
    out = []
    for i in range(size):
        v = math.sin((i + 1) * 12.9898 + which * 78.233) * 43758.5453
        out.append((v - math.floor(v)) * 2 - 1)
    return torch.tensor(out, dtype=torch.float64).float()


net = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
)
fans = [25, 25, 150, 150, 400, 400, 120, 120, 84, 84]
with torch.no_grad():
    for k, (p, fan) in enumerate(zip(net.parameters(), fans)):
        p.copy_((formula(k + 1, p.numel()) / math.sqrt(fan)).reshape(p.shape))
net = net.to(memory_format=torch.channels_last)
x = formula(100, batch * 784).reshape(batch, 1, 28, 28).to(memory_format=torch.channels_last)
y = torch.arange(batch) % 10
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

for line in sys.stdin:
    n = int(line.split()[1])
    start = time.perf_counter()
    for _ in range(n):
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    value = loss.item()
    print(json.dumps({"seconds": time.perf_counter() - start, "loss": value}), flush=True)
