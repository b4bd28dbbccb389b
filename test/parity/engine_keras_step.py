"""One training step and one evaluation of our model in real Keras, on the arrays that a test left in a folder.

Usage: python engine_keras_step.py FOLDER
Reads step.json, parameters.f32, images.u8, labels.i32; writes result.json, gradient.f32, means.f32,
variances.f32 (population variance of the batch) and probabilities.f32 (evaluation on fresh statistics).
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
from keras.src.legacy.saving import saving_utils

folder = pathlib.Path(sys.argv[1])
step = json.loads((folder / "step.json").read_text())
precision = step["precision"]
keras.config.set_floatx(precision)
keras.config.set_dtype_policy(precision)


def array(name, dtype):
    return np.fromfile(folder / name, dtype=dtype)


def block(filters, kernel):
    # Momentum 0: the moving statistics are those of the last batch, so that they can be read.
    return [
        keras.layers.Conv2D(filters, kernel, padding="same", activation="relu", kernel_regularizer=penalty()),
        keras.layers.BatchNormalization(epsilon=1e-3, momentum=0.0),
        keras.layers.MaxPooling2D(2),
    ]


def penalty():
    return keras.regularizers.L2(step["l2"]) if step["l2"] > 0 else None


def model_of(topology):
    """As Keras reads a functional model's configuration out of an HDF5 file, in the wanted precision."""
    return saving_utils.model_from_config(json.loads(json.dumps(topology).replace('"float32"', f'"{precision}"')))


classes = step["classes"]
blocks = {"classic": [(32, 3), (64, 3), (128, 3)], "digits": step["digitsBlocks"]}.get(step["model"], [])
model = model_of(step["topology"]) if step["topology"] else keras.Sequential(
    [
        keras.Input((step["height"], step["width"], step["channels"])),
        *[layer for filters, kernel in blocks for layer in block(filters, kernel)],
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu", kernel_regularizer=penalty()),
        keras.layers.Dropout(0.0),
        keras.layers.Dense(
            1 if classes == 2 else classes,
            activation="sigmoid" if classes == 2 else "softmax",
            kernel_regularizer=penalty(),
        ),
    ]
)

smoothing = step["labelSmoothing"]
labels = array("labels.i32", "int32")
if classes == 2:
    loss, targets = keras.losses.BinaryCrossentropy(label_smoothing=smoothing), labels.astype(precision)[:, None]
else:
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
    targets = np.eye(classes, dtype=precision)[labels]
model.compile(loss=loss)

parameters, offset = array("parameters.f32", "float32"), 0
for weight in model.trainable_weights:
    size = int(np.prod(weight.shape))
    weight.assign(parameters[offset : offset + size].reshape(weight.shape))
    offset += size
assert offset == parameters.size, f"Keras has {offset} parameters, the engine {parameters.size}"

x = array("images.u8", "uint8").astype(precision).reshape((-1, step["height"], step["width"], step["channels"]))
x = x * x.dtype.type(1 / 255)
samples = len(x)
sample_weight = np.array(step["classWeights"], precision)[labels]

model(x, training=False).numpy().astype("float32").tofile(folder / "probabilities.f32")
with tf.GradientTape() as tape:
    predicted = model(x, training=True)
    value = model.compute_loss(x=x, y=targets, y_pred=predicted, sample_weight=sample_weight, training=True)
gradients = tape.gradient(value, [weight.value for weight in model.trainable_weights])
np.concatenate([g.numpy().ravel() for g in gradients]).astype("float32").tofile(folder / "gradient.f32")

norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
np.concatenate([n.moving_mean.numpy() for n in norms]).astype("float32").tofile(folder / "means.f32")
np.concatenate([n.moving_variance.numpy() for n in norms]).astype("float32").tofile(folder / "variances.f32")

predicted = predicted.numpy()
right = (predicted[:, 0] > 0.5) == labels if classes == 2 else predicted.argmax(1) == labels
result = {
    "loss": float(value),
    "correct": int(right.sum()),
    "samples": samples,
    "parameters": int(model.count_params()),
    "trainable": int(offset),
}
(folder / "result.json").write_text(json.dumps(result))
