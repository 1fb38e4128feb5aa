import { BuiltinOperator as B } from '../../schema/generated/tflite.ts';
import type { ConfigName } from '../recipe/types.ts';
import { type OperatorSpec, STATIC, spec } from './spec.ts';

const BORDER: readonly ConfigName[] = [...STATIC, 'static_wi4_ai8', 'static_wi4_ai16', 'static_wi8_au8'];

/** Model inputs as outputs of a virtual operator: how the recipe decides their type. */
export const INPUT: OperatorSpec = spec({ name: 'INPUT', builtin: -1, configs: BORDER });

/** Model outputs as inputs of a virtual operator. */
export const OUTPUT: OperatorSpec = spec({ name: 'OUTPUT', builtin: -1, configs: BORDER });

/** Operators that contain others. */
export const structureSpecs: readonly OperatorSpec[] = [
  spec({
    name: 'STABLEHLO_COMPOSITE',
    builtin: B.STABLEHLO_COMPOSITE,
    compositeNames: ['odml.npu_call', 'odml.rms_norm', 'odml.l2_norm'],
  }),
];
