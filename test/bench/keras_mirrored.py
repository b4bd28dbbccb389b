"""One of two processes of Keras under TensorFlow's MultiWorkerMirroredStrategy: a peer of test/bench/end-to-end.ts.

Keras 3's `fit` refuses that strategy, so the loop is written out as in TensorFlow's guide to custom training loops. Pictures are decoded once and kept; augmentation is ImageDataGenerator's, in one op of the graph.
Arguments: folder with train/ and validation/, epochs, seed, 1 or 0 for the horizontal flip, index of this process,
port of process 0 (process 1 has the next). Process 0 prints one JSON line.
"""

import json
import math
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
folder, epochs, seed, flip = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1"
index, port = int(sys.argv[5]), int(sys.argv[6])
processes, global_batch, side = 2, 32, 64
cluster = {"worker": [f"127.0.0.1:{port + at}" for at in range(processes)]}
os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})

import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
strategy = tf.distribute.MultiWorkerMirroredStrategy(
    communication_options=tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING
    )
)

import keras

from keras_net import classic_net

keras.utils.set_random_seed(seed)


def listing(split):
    """Paths and labels, in ImageDataGenerator's order."""
    classes = sorted(os.listdir(f"{folder}/{split}"))
    files = [
        (f"{folder}/{split}/{name}/{file}", label)
        for label, name in enumerate(classes)
        for file in sorted(os.listdir(f"{folder}/{split}/{name}"))
    ]
    return [path for path, _ in files], [label for _, label in files], len(classes)


def decoded(path, label):
    picture = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    return tf.image.resize(picture, (side, side), method="nearest"), label


def multiply(a, b):
    """Of 3x3 matrices given as rows of vectors [batch]."""
    return [[sum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)] for i in range(3)]


def augmented(images, labels):
    """uint8 [n, side, side, 3] to float32 0..1: rotation, shift, shear, zoom, flip as one projective transform."""
    n = tf.shape(images)[0]
    draw = lambda low, high: tf.random.uniform([n], low, high)
    zero, one = tf.zeros([n]), tf.ones([n])
    angle, shear = draw(-20, 20) * (math.pi / 180), draw(-5, 5) * (math.pi / 180)
    down, right = draw(-0.1, 0.1) * side, draw(-0.1, 0.1) * side
    zoom_y, zoom_x = draw(0.9, 1.1), draw(0.9, 1.1)
    mirror = tf.where(draw(0, 1) < 0.5, -1.0, 1.0) if flip else one
    centre = (side - 1) / 2
    matrix = [[one, zero, zero + centre], [zero, one, zero + centre], [zero, zero, one]]
    for factor in (
        [[tf.cos(angle), -tf.sin(angle), zero], [tf.sin(angle), tf.cos(angle), zero], [zero, zero, one]],
        [[one, zero, right], [zero, one, down], [zero, zero, one]],
        [[tf.cos(shear), zero, zero], [-tf.sin(shear), one, zero], [zero, zero, one]],
        [[zoom_x * mirror, zero, zero], [zero, zoom_y, zero], [zero, zero, one]],
        [[one, zero, zero - centre], [zero, one, zero - centre], [zero, zero, one]],
    ):
        matrix = multiply(matrix, factor)
    transforms = tf.stack([*matrix[0], *matrix[1], zero, zero], axis=1)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32) / 255,
        transforms=transforms,
        output_shape=[side, side],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return moved, labels


def scaled(images, labels):
    return tf.cast(images, tf.float32) / 255, labels


def pictures(split):
    """This process' share, decoded once."""
    paths, labels, classes = listing(split)
    mine = tf.data.Dataset.from_tensor_slices((paths[index::processes], labels[index::processes]))
    return mine.map(decoded).cache(), len(paths), classes


kept, samples, classes = pictures("train")
kept_validation, validation_samples, _ = pictures("validation")
training = kept.shuffle(samples, seed=seed + index).batch(global_batch // processes, drop_remainder=True)
training = training.map(augmented).prefetch(2)
validation = kept_validation.batch(64).map(scaled).prefetch(1)

with strategy.scope():
    model = classic_net(side, classes, "softmax")
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)


def replica_step(images, labels):
    with tf.GradientTape() as tape:
        probabilities = model(images, training=True)
        losses = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
        loss = tf.reduce_sum(losses) / global_batch
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


@tf.function
def step(images, labels):
    return strategy.run(replica_step, args=(images, labels))


@tf.function
def correct_of(images, labels):
    best = tf.argmax(model(images, training=False), axis=1, output_type=tf.int32)
    return tf.reduce_sum(tf.cast(best == labels, tf.float32))


@tf.function
def over_all(value):
    return strategy.reduce("SUM", strategy.run(tf.identity, args=(value,)), axis=None)


rows = []
for epoch in range(epochs):
    began = time.perf_counter()
    for images, labels in training:
        loss = step(images, labels)
    float(loss)
    trained = time.perf_counter()
    correct = tf.add_n([correct_of(images, labels) for images, labels in validation])
    accuracy = float(over_all(correct)) / validation_samples
    rows.append(
        {
            "trainingSeconds": trained - began,
            "seconds": time.perf_counter() - began,
            "validationAccuracy": accuracy,
        }
    )
if index == 0:
    steps = samples // processes // (global_batch // processes)
    print(json.dumps({"samples": steps * global_batch, "epochs": rows}), flush=True)
os._exit(0)  # the strategy's threads wait for one another at the end, which is no part of the training
