"""Asks the Python original to quantize every case of a folder.

usage: quantize_folder.py FOLDER

Each subfolder holds model.tflite, recipe.json and, for static recipes, calibration.json with the type of its numbers in
carrier.txt (float32 or float64); what GPTQ and OSCAR learn is float64 in it. Written beside them: quantized.tflite, or error.txt with the exception.
Needs a Python with ai-edge-quantizer 0.10.0.
"""

import contextlib
import io
import json
import logging
import pathlib
import sys
import warnings

import numpy as np
from ai_edge_quantizer import quantizer

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)


def statistics(case):
    path = case / "calibration.json"
    if not path.exists():
        return None
    carrier = np.dtype((case / "carrier.txt").read_text().strip())
    document = json.loads(path.read_text())

    def member(key, value):
        if key == "num_samples":
            return int(value)
        return np.array(value, dtype=np.float64 if key in ("hessian", "mu2") else carrier)

    return {
        name: {key: member(key, value) for key, value in entry.items()}
        for name, entry in document.items()
    }


def quantize(case):
    tool = quantizer.Quantizer(str(case / "model.tflite"))
    tool.load_quantization_recipe(json.loads((case / "recipe.json").read_text()))
    return tool.quantize(statistics(case)).quantized_model


def main(folder):
    for case in sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir()):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                result = quantize(case)
            (case / "quantized.tflite").write_bytes(result)
        except Exception as error:  # whatever the original raises is the result
            (case / "error.txt").write_text(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
