"""Real Keras 3 Adam on one variable: the weights and moments after each given gradient was applied once.

Folder: adam.json (precision, count, steps, learningRates per step, beta1, beta2, epsilon, clipNorm), weights.f32 [count],
gradients.f32 [steps, count]; writes weights.out, m.out, v.out, float64 [count].
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np

folder = sys.argv[1]
with open(os.path.join(folder, "adam.json"), encoding="utf8") as file:
    adam = json.load(file)
keras.config.set_floatx(adam["precision"])


def floats(name):
    return np.fromfile(os.path.join(folder, name), dtype="<f4").astype(adam["precision"])


variable = keras.Variable(floats("weights.f32"), dtype=adam["precision"])
optimizer = keras.optimizers.Adam(
    learning_rate=adam["learningRates"][0],
    beta_1=adam["beta1"],
    beta_2=adam["beta2"],
    epsilon=adam["epsilon"],
    global_clipnorm=adam["clipNorm"],
)
optimizer.build([variable])
gradients = floats("gradients.f32").reshape(adam["steps"], adam["count"])
for step, gradient in enumerate(gradients):
    optimizer.learning_rate = adam["learningRates"][step]
    optimizer.apply([keras.ops.convert_to_tensor(gradient)])

named = {v.path.split("/")[-1]: v for v in optimizer.variables}
m = next(v for name, v in named.items() if "momentum" in name)
v = next(v for name, v in named.items() if "velocity" in name)
for name, tensor in {"weights": variable, "m": m, "v": v}.items():
    np.asarray(tensor).astype("<f8").tofile(os.path.join(folder, f"{name}.out"))
