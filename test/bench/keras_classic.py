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
from keras import layers
from keras.src.legacy.preprocessing.image import ImageDataGenerator

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

model = keras.Sequential([layers.Input((64, 64, 3))])
for filters in (32, 64, 128):
    model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
    model.add(layers.BatchNormalization(momentum=0.9))
    model.add(layers.MaxPooling2D(2))
model.add(layers.Flatten())
model.add(layers.Dense(128, activation="relu"))
model.add(layers.Dropout(0.5))
if classes == 2:
    model.add(layers.Dense(1, activation="sigmoid"))
    loss = "binary_crossentropy"
else:
    model.add(layers.Dense(classes, activation="softmax"))
    loss = "sparse_categorical_crossentropy"
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
