import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import { tensorConstant, typeName } from '../../schema/graph.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import { specOfBuiltin } from '../../src/ops/index.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { SuiteCase } from './case.ts';
import type { Configuration } from './configurations.ts';
import type { QuantizedOperator } from './quantized-operator.ts';

const WEIGHT_TYPES: Readonly<Record<number, number>> = { 8: TensorType.INT8, 4: TensorType.INT4, 2: TensorType.INT2 };
const { FLOAT32, INT8, INT16, INT32, INT64 } = TensorType;

/** What an operand is to its operator. */
type Role = 'activation' | 'weight' | 'bias';

/** Operands and results that the written file does not store as the plan and the configuration say. */
export function misstored(
  { operator, model }: SuiteCase,
  { config }: Configuration,
  plan: Plan,
  quantized: QuantizedOperator,
): string[] {
  const spec = specOfBuiltin(BuiltinOperator[operator]);
  const mode = plan.operators[0]?.mode;
  const [graph] = model.subgraphs;
  const [source] = graph?.operators ?? [];
  if (!spec || !source) return ['there is no operator'];
  const activation = mode !== 'static' ? FLOAT32 : config.activation?.numBits === 16 ? INT16 : INT8;
  const bias = mode !== 'static' ? FLOAT32 : activation === INT16 ? INT64 : INT32;
  const weight = WEIGHT_TYPES[config.weight?.numBits ?? 8];
  const wanted = { activation, bias, weight };
  const roleOf = (position: number, index: number): Role => {
    if (position === spec.weighted?.bias) return 'bias';
    const tensor = graph?.tensors[index];
    const isConstant = tensor && tensorConstant(model, tensor);
    return position === spec.weighted?.weight && isConstant ? 'weight' : 'activation';
  };
  const isFloat = (index: number) => index !== NO_TENSOR && graph?.tensors[index]?.type === FLOAT32;
  const read = source.inputs.flatMap((index, position) => {
    if (!isFloat(index) || spec.plainInputs.includes(position)) return [];
    const role = roleOf(position, index);
    const own = quantized.operator.inputs[position] ?? NO_TENSOR;
    // A weight that is only stored smaller is turned back by a DEQUANTIZE in front.
    const { type } = mode === 'weight-only' && role === 'weight' ? stored(quantized, own) : quantized.tensor(own);
    return type === wanted[role] ? [] : [`operand ${position} (${role}) is ${typeName(type)}`];
  });
  const written = source.outputs.flatMap((index, position) => {
    if (!isFloat(index)) return [];
    const { type } = quantized.tensor(quantized.operator.outputs[position] ?? NO_TENSOR);
    return type === activation ? [] : [`result ${position} is ${typeName(type)}`];
  });
  return [...read, ...written];
}

function stored(quantized: QuantizedOperator, index: number) {
  const conversion = quantized.conversionOf(index);
  return quantized.tensor(conversion ? conversion.from : index);
}
