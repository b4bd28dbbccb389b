"""PyTorch's half of the pipeline bench: ImageFolder, torchvision's transforms, a DataLoader with two processes.

Arguments: folder with class folders, epochs. Prints one JSON line: seconds of each epoch, from asking for its first batch
to having the last one.
"""

import json
import sys
import time

import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder


class ChannelShift:
    """Keras' channel_shift_range in the image's own range, on a tensor."""

    def __call__(self, image):
        shift = (torch.rand(()) * 2 - 1) * (20 / 255)
        return (image + shift).clamp_(image.min(), image.max())


def main():
    folder, epochs = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(1)
    bilinear = transforms.InterpolationMode.BILINEAR
    transform = transforms.Compose(
        [
            transforms.Resize((64, 64), interpolation=transforms.InterpolationMode.NEAREST),
            transforms.RandomAffine(20, translate=(0.1, 0.1), scale=(0.9, 1.1), shear=5, interpolation=bilinear),
            transforms.RandomHorizontalFlip(),
            transforms.RandomVerticalFlip(),
            transforms.ColorJitter(brightness=0.2),
            transforms.ToTensor(),
            ChannelShift(),
        ]
    )
    loader = DataLoader(
        ImageFolder(folder, transform), batch_size=32, shuffle=True, num_workers=2, persistent_workers=True
    )
    seconds, images = [], 0
    for _ in range(epochs):
        begin = time.perf_counter()
        for batch, _ in loader:
            images += len(batch)
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({"seconds": seconds, "images": images}))


if __name__ == "__main__":
    main()
