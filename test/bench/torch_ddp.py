"""One of two processes of PyTorch DistributedDataParallel over gloo: a peer of test/bench/end-to-end.ts.

As torchrun users write it: ImageFolder's pictures, torchvision's transforms, channels_last; pictures are decoded once
and kept. Loading is in the process: with two cores for two processes that is faster than loader processes beside them.
Arguments: folder with train/ and validation/, epochs, seed, 1 or 0 for the horizontal flip, index of this process,
port, [loader processes]. Process 0 prints one JSON line.
"""

import json
import os
import sys
import time

folder, epochs, seed, flip = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1"
index, port = int(sys.argv[5]), sys.argv[6]
loaders = int(sys.argv[7]) if len(sys.argv) > 7 else 0
os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port, GLOO_SOCKET_IFNAME="lo", OMP_NUM_THREADS="1")
processes, global_batch, side = 2, 32, 64

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

torch.set_num_threads(1)
torch.manual_seed(seed)
dist.init_process_group("gloo", rank=index, world_size=processes)

resize = transforms.Resize((side, side), interpolation=transforms.InterpolationMode.NEAREST)
affine = transforms.RandomAffine(
    degrees=20,
    translate=(0.1, 0.1),
    scale=(0.9, 1.1),
    shear=5,
    interpolation=transforms.InterpolationMode.BILINEAR,
)
mirror = [transforms.RandomHorizontalFlip()] if flip else []
augment = transforms.Compose([affine, *mirror, transforms.ToTensor()])


class Kept(Dataset):
    """Decoded and resized pictures, each read once."""

    def __init__(self, split, transform):
        self.files = ImageFolder(f"{folder}/{split}", transform=resize)
        self.transform = transform
        self.kept = {}

    def __len__(self):
        return len(self.files)

    def __getitem__(self, at):
        if at not in self.kept:
            self.kept[at] = self.files[at]
        picture, label = self.kept[at]
        return self.transform(picture), label


class Classic(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 32), (32, 64), (64, 128))]
        )
        self.norms = nn.ModuleList([nn.BatchNorm2d(n, eps=1e-3, momentum=0.1) for n in (32, 64, 128)])
        self.dense = nn.Linear(8 * 8 * 128, 128)
        self.dropout = nn.Dropout(0.5)
        self.last = nn.Linear(128, classes)
        for layer in (*self.convolutions, self.dense, self.last):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for convolution, norm in zip(self.convolutions, self.norms):
            x = nn.functional.max_pool2d(norm(torch.relu(convolution(x))), 2)
        return self.last(self.dropout(torch.relu(self.dense(torch.flatten(x, 1)))))


training_set = Kept("train", augment)
validation_set = Kept("validation", transforms.ToTensor())
sampler = DistributedSampler(training_set, seed=seed)
common = {"num_workers": loaders, "persistent_workers": loaders > 0}
training = DataLoader(
    training_set, batch_size=global_batch // processes, sampler=sampler, drop_last=True, **common
)
share = DistributedSampler(validation_set, shuffle=False)
validation = DataLoader(validation_set, batch_size=64, sampler=share, **common)

plain = Classic(len(training_set.files.classes)).to(memory_format=torch.channels_last)
model = DistributedDataParallel(plain, gradient_as_bucket_view=True)
torch.manual_seed(seed * processes + index)  # augmentation and dropout differ between the processes
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
loss_of = nn.CrossEntropyLoss()


def train():
    model.train()
    for images, labels in training:
        images = images.contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(images), labels).backward()
        optimizer.step()


@torch.inference_mode()
def accuracy():
    plain.eval()
    correct = torch.zeros(1)
    for images, labels in validation:
        images = images.contiguous(memory_format=torch.channels_last)
        correct += (plain(images).argmax(1) == labels).sum()
    dist.all_reduce(correct)
    return correct.item() / (len(share) * processes)


rows = []
for epoch in range(epochs):
    began = time.perf_counter()
    sampler.set_epoch(epoch)
    train()
    trained = time.perf_counter()
    rows.append({"trainingSeconds": trained - began, "validationAccuracy": accuracy()})
    rows[-1]["seconds"] = time.perf_counter() - began
if index == 0:
    print(json.dumps({"samples": len(training) * global_batch, "epochs": rows}), flush=True)
dist.destroy_process_group()
