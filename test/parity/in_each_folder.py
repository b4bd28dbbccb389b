"""Runs a script once for each folder, in one process: TensorFlow and Keras take seconds to load.

Usage: python in_each_folder.py SCRIPT FOLDER...
The script finds its folder in sys.argv[1], as if it had been started by itself.
"""

import runpy
import sys

script, folders = sys.argv[1], sys.argv[2:]
for folder in folders:
    sys.argv = [script, folder]
    runpy.run_path(script, run_name="__main__")
