"""One lane's local steps in real Keras: its SGD on the mean gradient of each local step, float64.

Usage: python local_steps_keras.py FOLDER
Reads local.json (calls: sizes of the engine calls of each local step, in order), parameters.f32, images.u8, labels.i32;
writes end.f64: the parameters after the last local step, as a flat vector.
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf

folder = pathlib.Path(sys.argv[1])
spec = json.loads((folder / "local.json").read_text())
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")


def block(filters):
    return [
        keras.layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_regularizer=penalty()),
        keras.layers.BatchNormalization(epsilon=1e-3),
        keras.layers.MaxPooling2D(2),
    ]


def penalty():
    return keras.regularizers.L2(spec["l2"])


side = spec["side"]
model = keras.Sequential(
    [
        keras.Input((side, side, 3)),
        *[layer for filters in (32, 64, 128) for layer in block(filters)],
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu", kernel_regularizer=penalty()),
        keras.layers.Dense(1, activation="sigmoid", kernel_regularizer=penalty()),
    ]
)
model.compile(loss=keras.losses.BinaryCrossentropy())

parameters, offset = np.fromfile(folder / "parameters.f32", "float32"), 0
for weight in model.trainable_weights:
    size = int(np.prod(weight.shape))
    weight.assign(parameters[offset : offset + size].reshape(weight.shape))
    offset += size
assert offset == parameters.size, f"Keras has {offset} parameters, the engine {parameters.size}"

x = np.fromfile(folder / "images.u8", "uint8").astype("float64").reshape((-1, side, side, 3)) / 255
labels = np.fromfile(folder / "labels.i32", "int32")
sample_weight = np.array(spec["classWeights"], "float64")[labels]


def mean_gradients(part):
    """Of the call's own mean loss, regularisation included: Keras' rule."""
    with tf.GradientTape() as tape:
        predicted = model(x[part], training=True)
        targets = labels[part].astype("float64")[:, None]
        value = model.compute_loss(
            x=x[part], y=targets, y_pred=predicted, sample_weight=sample_weight[part], training=True
        )
    return tape.gradient(value, [weight.value for weight in model.trainable_weights])


optimizer, first = keras.optimizers.SGD(spec["learningRate"]), 0
optimizer.build(model.trainable_variables)
for calls in spec["calls"]:
    parts = []
    for size in calls:
        parts.append((size, mean_gradients(slice(first, first + size))))
        first += size
    mean = [sum(size * g for (size, _), g in zip(parts, gs)) / sum(calls) for gs in zip(*[gs for _, gs in parts])]
    optimizer.apply(mean, model.trainable_variables)
assert first == len(x), f"the calls take {first} of {len(x)} images"

np.concatenate([weight.numpy().ravel() for weight in model.trainable_weights]).tofile(folder / "end.f64")
