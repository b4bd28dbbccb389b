"""Decodes files with PIL as Keras' load_img does, and writes what it sees, for a test to compare.

argv: a JSON file {"decode": [[path, mode], ...], "sizes": [[from, to], ...], "resize": [[path, height, width], ...]}
and an output folder. Writes <n>.raw per decode, resize-<n>.raw per resize, nearest.json with PIL's source indices.
"""
import json
import sys

import numpy as np
from PIL import Image

job, out = json.load(open(sys.argv[1])), sys.argv[2]
for number, (path, mode) in enumerate(job["decode"]):
    open(f"{out}/{number}.raw", "wb").write(Image.open(path).convert(mode).tobytes())
for number, (path, height, width) in enumerate(job["resize"]):
    resized = Image.open(path).convert("RGB").resize((width, height), Image.Resampling.NEAREST)
    open(f"{out}/resize-{number}.raw", "wb").write(resized.tobytes())
indices = []
for source, target in job["sizes"]:
    row = Image.fromarray(np.arange(source, dtype="int32")[None, :])
    indices.append(np.array(row.resize((target, 1), Image.Resampling.NEAREST))[0].tolist())
json.dump(indices, open(f"{out}/nearest.json", "w"))
