"""Real Keras 3 optimizers on one variable: the weights and moments after each given gradient was applied once.

Folder: optimizer.json (the run's settings as its spec has them, precision, count, steps, learningRates per step),
weights.f32 [count], gradients.f32 [steps, count]; writes weights.out and one file for each moment by the name that
Trainyard gives it (Adam: m, v; SGD with momentum: velocity), float64 [count].
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np

folder = sys.argv[1]
with open(os.path.join(folder, "optimizer.json"), encoding="utf8") as file:
    given = json.load(file)
keras.config.set_floatx(given["precision"])


def floats(name):
    return np.fromfile(os.path.join(folder, name), dtype="<f4").astype(given["precision"])


def adam(**common):
    return keras.optimizers.Adam(
        beta_1=given["beta1"], beta_2=given["beta2"], epsilon=given["epsilon"], **common
    )


def sgd(**common):
    return keras.optimizers.SGD(momentum=float(given["momentum"]), nesterov=given["nesterov"], **common)


# By Trainyard's name of a moment: what Keras' name of the variable ends with.
create, moments = {
    "adam": (adam, {"m": "momentum", "v": "velocity"}),
    "sgd": (sgd, {"velocity": "momentum"} if given.get("momentum") else {}),
}[given["name"]]

variable = keras.Variable(floats("weights.f32"), dtype=given["precision"])
optimizer = create(learning_rate=given["learningRates"][0], global_clipnorm=given["clipNorm"])
optimizer.build([variable])
gradients = floats("gradients.f32").reshape(given["steps"], given["count"])
for step, gradient in enumerate(gradients):
    optimizer.learning_rate = given["learningRates"][step]
    optimizer.apply([keras.ops.convert_to_tensor(gradient)])

named = {v.path.split("/")[-1]: v for v in optimizer.variables}
tensors = {name: next(v for key, v in named.items() if word in key) for name, word in moments.items()}
for name, tensor in {"weights": variable, **tensors}.items():
    np.asarray(tensor).astype("<f8").tofile(os.path.join(folder, f"{name}.out"))
