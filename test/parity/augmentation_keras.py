"""Real Keras' ImageDataGenerator.apply_transform on the cases of FOLDER/cases.json; pixels as float32.

Keras 3.15 swaps height and width in the centre of its affine transform. For images that are not square the
cases ask for the centre to be mended ("mend"): one function of Keras gets its two sizes the right way round,
all else is Keras as installed.
"""
import json
import sys

import numpy as np
from keras.src.legacy.preprocessing import image as keras_image

folder = sys.argv[1]
as_installed = keras_image.transform_matrix_offset_center

for index, case in enumerate(json.load(open(f"{folder}/cases.json"))):
    shape = (case["height"], case["width"], case["channels"])
    image = np.fromfile(f"{folder}/image-{index}.f32", dtype="float32").reshape(shape)
    mended = lambda matrix, height, width: as_installed(matrix, width, height)
    keras_image.transform_matrix_offset_center = mended if case["mend"] else as_installed
    generator = keras_image.ImageDataGenerator(fill_mode=case["fillMode"], cval=case["cval"])
    result = generator.apply_transform(image, case["parameters"])
    result.astype("float32").tofile(f"{folder}/result-{index}.f32")
