"""The classic net as a Keras user trains it: the peer of test/bench/accuracy.ts, a reference of end-to-end.ts.

Arguments: folder with train/ and validation/, epochs, seed, 1 or 0 for the horizontal flip. Prints one JSON line.
"""

import json
import os
import statistics
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from keras_net import classic_net

folder, epochs, seed, flip = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1"
keras.utils.set_random_seed(seed)

augmenting = ImageDataGenerator(
    rescale=1 / 255,
    rotation_range=20,
    width_shift_range=0.1,
    height_shift_range=0.1,
    shear_range=5,
    zoom_range=0.1,
    horizontal_flip=flip,
    fill_mode="nearest",
)
plain = ImageDataGenerator(rescale=1 / 255)
training = augmenting.flow_from_directory(
    f"{folder}/train", target_size=(64, 64), batch_size=32, class_mode="sparse", seed=seed
)
validation = plain.flow_from_directory(
    f"{folder}/validation", target_size=(64, 64), batch_size=64, class_mode="sparse", shuffle=False
)
classes = len(training.class_indices)

if classes == 2:
    model, loss = classic_net(64, 1, "sigmoid"), "binary_crossentropy"
else:
    model, loss = classic_net(64, classes, "softmax"), "sparse_categorical_crossentropy"
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"])


class TrainingSeconds(keras.callbacks.Callback):
    """Seconds of each epoch's training part: validation begins when the last batch has ended."""

    def __init__(self):
        super().__init__()
        self.seconds, self.whole = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_test_begin(self, logs=None):
        self.seconds.append(time.perf_counter() - self.began)

    def on_epoch_end(self, epoch, logs=None):
        self.whole.append(time.perf_counter() - self.began)


clock = TrainingSeconds()
history = model.fit(training, validation_data=validation, epochs=epochs, verbose=0, callbacks=[clock])
accuracies = history.history["val_accuracy"]
last_five = accuracies[-5:]
speeds = [training.samples / seconds for seconds in clock.seconds[1:] or clock.seconds]
print(
    json.dumps(
        {
            "lastFive": sum(last_five) / len(last_five),
            "imagesPerSecond": statistics.median(speeds),
            "samples": training.samples,
            "epochs": [
                {"trainingSeconds": part, "seconds": whole, "validationAccuracy": accuracy}
                for part, whole, accuracy in zip(clock.seconds, clock.whole, accuracies)
            ],
        }
    )
)
