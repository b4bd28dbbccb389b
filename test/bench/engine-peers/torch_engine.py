"""Times training steps in PyTorch, channels last: forward, backward, gradients in the parameters' .grad.

Usage: python torch_engine.py MODEL SIDE SAMPLES THREADS
Writes one line when it is ready; then for each line with a number, a JSON list of that many milliseconds.
"""

import json
import sys
import time

import torch
import torchvision
from torch import nn

name, side, samples, threads = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)


def classic():
    layers, channels = [], 3
    for filters in (32, 64, 128):
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1),
            nn.ReLU(),
            nn.BatchNorm2d(filters, eps=1e-3, momentum=0.1),
            nn.MaxPool2d(2),
        ]
        channels = filters
    flat = channels * (side // 8) ** 2
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(flat, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 1)
    )


models = {
    "classic": classic,
    "mobilenet-v2": lambda: torchvision.models.mobilenet_v2(num_classes=1),
    "resnet-18": lambda: torchvision.models.resnet18(num_classes=1),
}
model = models[name]().to(memory_format=torch.channels_last).train()
images = torch.randint(0, 256, (samples, side, side, 3), dtype=torch.uint8)
labels = (torch.arange(samples) % 2).float()[:, None]


def call():
    start = time.perf_counter()
    model.zero_grad()
    x = images.permute(0, 3, 1, 2).float() / 255
    loss = nn.functional.binary_cross_entropy_with_logits(model(x), labels)
    loss.backward()
    assert torch.isfinite(loss)
    return (time.perf_counter() - start) * 1000


for _ in range(3):
    call()
print(f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}", flush=True)
for line in sys.stdin:
    print(json.dumps([call() for _ in range(int(line))]), flush=True)
