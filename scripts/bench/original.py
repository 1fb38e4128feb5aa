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


def samples(model, path, count):
    """The samples of a .npy file under the name of the model's one input, again and again up to the count."""
    signature, parts = next(iter(Interpreter(model).get_signature_list().items()))
    array = np.load(path, mmap_mode="r")
    name = parts["inputs"][0]
    return {signature: ({name: np.array(array[i % len(array)])[None]} for i in range(count))}


def quantize(model, output, name):
    tool = quantizer.Quantizer(model)
    tool.load_quantization_recipe(json.load(open(name)) if os.path.exists(name) else getattr(recipe, name)())
    tool.quantize().export_model(output, overwrite=True)


def calibrate(model, path, count, threads):
    tool = quantizer.Quantizer(model)
    tool.load_quantization_recipe(recipe.static_wi8_ai8())
    tool.calibrate(samples(model, path, int(count)), num_threads=int(threads))


def validate(model, quantized, path, count, threads):
    tool = quantizer.Quantizer(model, recipe.dynamic_wi8_afp32(), quantized)
    tool.validate(samples(model, path, int(count)), num_threads=int(threads))


def start():
    pass


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
