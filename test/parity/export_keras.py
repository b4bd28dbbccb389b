"""Real Keras on exported models: for each folder of JOBS.json, the classic snippet on its model.h5 as it stands.

A job names images (paths), or holds images.f32 of the shape that it gives. Outputs go to FOLDER/outputs.f32.
"""
import contextlib
import io
import json
import os
import sys

import numpy as np
from tensorflow.keras.models import load_model
from tensorflow.keras.preprocessing import image

for job in json.load(open(sys.argv[1])):
    os.chdir(job["folder"])
    model = load_model("model.h5")
    outputs = []
    for path in job["images"]:
        img = image.load_img(path, target_size=tuple(job["size"]), color_mode=job["colourMode"])
        x = image.img_to_array(img)
        x = np.expand_dims(x, axis=0)
        outputs.append(model.predict(x, verbose=0)[0])
    if job["shape"]:
        images = np.fromfile("images.f32", dtype="float32").reshape(job["shape"])
        outputs = model.predict(images, verbose=0)
        alone = model.predict(images[:1], verbose=0)
        assert np.allclose(alone, outputs[:1], atol=1e-6), "a batch of one differs"
    np.asarray(outputs, dtype="float32").tofile("outputs.f32")
    # The lines that labels.json gives to a user, run as they are.
    if job["images"]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec("\n".join(job["howToUse"]), {"path": job["images"][0]})
        open("printed.txt", "w").write(printed.getvalue().strip().split("\n")[-1])
    names = [layer.name for layer in model.layers]
    json.dump(names, open("layers.json", "w"))
