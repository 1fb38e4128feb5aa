"""Asks the Python original what it makes of recipes.

Reads from standard input a JSON object {"recipes": [...], "scopes": [...]}; writes a JSON list with, per recipe, either
{"error": text} or {"saved": recipe, "needsCalibration": bool, "decisions": {"<operation> <scope>": [algorithm, config]}}.
"""
import json
import logging
import sys

from ai_edge_quantizer import qtyping, recipe_manager

logging.disable(logging.CRITICAL)
NO_OPERATOR = ('*', 'CUSTOM_OP')


def answer(recipe, operations, scopes):
    manager = recipe_manager.RecipeManager()
    try:
        manager.load_quantization_recipe(recipe)
    except Exception as error:  # whatever it raises is the answer
        return {'error': f'{type(error).__name__}: {error}'}
    decisions = {}
    for operation in operations:
        for scope in scopes:
            algorithm, config = manager.get_quantization_configs(operation, scope)
            decisions[f'{operation} {scope}'] = [str(getattr(algorithm, 'value', algorithm)), config.to_dict()]
    need = manager.need_calibration
    return {
        'saved': manager.get_quantization_recipe(),
        'needsCalibration': need() if callable(need) else need,
        'decisions': decisions,
    }


asked = json.load(sys.stdin)
names = [name.value for name in qtyping.TFLOperationName if name.value not in NO_OPERATOR]
json.dump([answer(recipe, names, asked['scopes']) for recipe in asked['recipes']], sys.stdout)
