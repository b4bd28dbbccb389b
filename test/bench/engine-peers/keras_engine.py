"""Times training steps of an exported model in Keras under tf.function: forward, backward, gradients as NumPy arrays.

Usage: python keras_engine.py MODEL.h5 SIDE SAMPLES THREADS
Writes one line when it is ready; then for each line with a number, a JSON list of that many milliseconds.
"""

import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf

file, side, samples, threads = sys.argv[1], *map(int, sys.argv[2:5])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
model = keras.models.load_model(file, compile=False)
loss_of = keras.losses.BinaryCrossentropy()
variables = [weight.value for weight in model.trainable_weights]


@tf.function(jit_compile=False)
def step(images, labels):
    with tf.GradientTape() as tape:
        predicted = model(tf.cast(images, tf.float32), training=True)
        loss = loss_of(labels, predicted)
    return loss, tape.gradient(loss, variables)


random = np.random.default_rng(1)
images = random.integers(0, 256, (samples, side, side, 3), dtype="uint8")
labels = (np.arange(samples) % 2).astype("float32")[:, None]


def call():
    start = time.perf_counter()
    loss, gradients = step(tf.constant(images), tf.constant(labels))
    arrays = [gradient.numpy() for gradient in gradients]
    assert np.isfinite(loss.numpy()) and len(arrays) == len(variables)
    return (time.perf_counter() - start) * 1000


for _ in range(3):
    call()
print(f"Keras {keras.__version__}, TensorFlow {tf.__version__}", flush=True)
for line in sys.stdin:
    print(json.dumps([call() for _ in range(int(line))]), flush=True)
