"""Does with the Python original what a benchmark does with aeq.

usage: original.py start
       original.py quantize MODEL OUTPUT RECIPE
       original.py calibrate MODEL SAMPLES.npy COUNT THREADS
       original.py validate MODEL QUANTIZED SAMPLES.npy COUNT THREADS
Needs a Python with ai-edge-quantizer 0.10.0. A recipe is the name of a function of its recipe module, or a file.
"""

import json
import os
import sys

import numpy as np
from ai_edge_quantizer import quantizer, recipe
from ai_edge_litert.interpreter import Interpreter


class Samples:
    """The samples of an array under one name, again and again up to a count. The original goes through them twice."""

    def __init__(self, array, name, count):
        self.array, self.name, self.count = array, name, count

    def __len__(self):
        return self.count

    def __iter__(self):
        return ({self.name: np.array(self.array[i % len(self.array)])[None]} for i in range(self.count))


def samples(model, path, count):
    """The samples of a .npy file for the model's one signature and input."""
    signature, parts = next(iter(Interpreter(model).get_signature_list().items()))
    return {signature: Samples(np.load(path, mmap_mode="r"), parts["inputs"][0], count)}


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
