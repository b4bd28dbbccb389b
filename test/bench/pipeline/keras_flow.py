"""Keras' half of the pipeline bench: ImageDataGenerator.flow_from_directory, as its users write it.

Arguments: folder with class folders, epochs, mode (plain, threads, processes). Prints one JSON line: seconds of each
epoch, from asking for its first batch to having the last one.
"""

import json
import os
import sys
import time

folder, epochs, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

from keras.src.legacy.preprocessing.image import ImageDataGenerator
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter


def main():
    generator = ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=20,
        width_shift_range=0.1,
        height_shift_range=0.1,
        shear_range=5,
        zoom_range=0.1,
        horizontal_flip=True,
        vertical_flip=True,
        brightness_range=(0.8, 1.2),
        channel_shift_range=20,
        fill_mode="nearest",
    )
    flow = generator.flow_from_directory(
        folder, target_size=(64, 64), batch_size=32, class_mode="binary", seed=1
    )
    seconds, images = [], 0
    if mode == "plain":
        for _ in range(epochs):
            begin = time.perf_counter()
            for _ in range(len(flow)):
                images += len(next(flow)[0])
            seconds.append(time.perf_counter() - begin)
    else:
        # What model.fit makes of workers=2, and of use_multiprocessing=True.
        flow.workers, flow.use_multiprocessing = 2, mode == "processes"
        adapter = PyDatasetAdapter(flow, shuffle=False)
        for _ in range(epochs):
            begin = time.perf_counter()
            adapter.on_epoch_begin()
            for batch, _ in adapter.get_numpy_iterator():
                images += len(batch)
            seconds.append(time.perf_counter() - begin)
            adapter.on_epoch_end()
    print(json.dumps({"seconds": seconds, "images": images}))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
