"""Does with the Python original what a benchmark does with aeq.

usage: original.py start
       original.py quantize MODEL OUTPUT RECIPE
       original.py calibrate MODEL SAMPLES COUNT THREADS
       original.py validate MODEL QUANTIZED SAMPLES COUNT THREADS
SAMPLES is a .npy file or a folder of .npz files. Needs a Python with ai-edge-quantizer 0.10.0. A recipe is the name of a function of its recipe module, or a file.
"""

import json
import os
import sys

import numpy as np
from ai_edge_quantizer import quantizer, recipe
from ai_edge_litert.interpreter import Interpreter


class Samples:
    """Feeds again and again up to a count. The original goes through them twice."""

    def __init__(self, feeds, length, count):
        self.feeds, self.length, self.count = feeds, length, count

    def __len__(self):
        return self.count

    def __iter__(self):
        return (self.feeds(i % self.length) for i in range(self.count))


def samples(model, path, count):
    """The samples of a .npy file for the model's one signature and input, or of a folder of .npz files."""
    signature, parts = next(iter(Interpreter(model).get_signature_list().items()))
    if os.path.isdir(path):
        files = sorted(os.listdir(path))
        feeds = lambda i: dict(np.load(os.path.join(path, files[i])))
        return {signature: Samples(feeds, len(files), count)}
    array, name = np.load(path, mmap_mode="r"), parts["inputs"][0]
    return {signature: Samples(lambda i: {name: np.array(array[i])[None]}, len(array), count)}


def quantize(model, output, name):
    tool = quantizer.Quantizer(model)
    tool.load_quantization_recipe(json.load(open(name)) if os.path.exists(name) else getattr(recipe, name)())
    tool.quantize().export_model(output, overwrite=True)


def calibrate(model, path, count, threads):
    tool = quantizer.Quantizer(model)
    tool.load_quantization_recipe(recipe.static_wi8_ai8())
    if not tool.calibrate(samples(model, path, int(count)), num_threads=int(threads)):
        raise ValueError("the original has calibrated nothing")


def validate(model, quantized, path, count, threads):
    tool = quantizer.Quantizer(model, recipe.dynamic_wi8_afp32(), quantized)
    comparison = tool.validate(samples(model, path, int(count)), num_threads=int(threads))
    if not comparison.get_all_tensor_results():
        raise ValueError("the original has compared nothing")


def start():
    pass


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
