import type { OperatorName } from '../support/model-builder.ts';
import { type Exception, INT8, INT16 } from './exception.ts';
import { older } from './exceptions-older.ts';

const COMPARISONS: readonly OperatorName[] = ['EQUAL', 'NOT_EQUAL', 'GREATER', 'GREATER_EQUAL', 'LESS', 'LESS_EQUAL'];

/** True of every interpreter. */
const everywhere: readonly Exception[] = [
  {
    operators: ['EMBEDDING_LOOKUP'],
    configurations: ['dynamic_wi4_afp32 ', 'dynamic_wi2_afp32 ', 'static_wi4'],
    forms: ['odd sizes', 'one row', 'one column'],
    reason: 'the kernel takes rows to begin at whole bytes, and these do not end at them',
    expected: { float: /do not fill whole bytes/ },
  },
  {
    operators: COMPARISONS,
    forms: ['constant'],
    reason: 'the operands have different ends, and codes on different grids do not compare as numbers do',
    expected: { float: /different grids/ },
  },
  {
    operators: COMPARISONS,
    configurations: INT8,
    forms: ['big values'],
    reason: 'the kernel multiplies codes with their step as a factor that has to be below 1, and it is 5 or 7',
    expected: { float: /the step of what it compares is (4\.71|7\.09)/ },
  },
  {
    operators: COMPARISONS,
    configurations: INT8,
    forms: ['small values'],
    reason: 'the kernel compares numbers as multiples of 1/256, and the step is 1/9000 or so',
    expected: { float: /the step of what it compares is 0\.0001/ },
  },
  {
    operators: COMPARISONS,
    configurations: INT16,
    except: ['big values', 'constant'],
    reason: 'the kernel compares numbers as multiples of 1/256, and steps of 16 bits are finer',
    expected: { float: /the step of what it compares is / },
  },
  {
    operators: ['REDUCE_PROD'],
    forms: ['axis of 1'],
    reason: 'the kernels of wasm and of 2023 have nothing to multiply and leave the result as it was',
    expected: { float: /its axes have one element/ },
  },
  {
    operators: ['REDUCE_PROD'],
    forms: ['ordinary', 'last axis', 'all axes', 'image, batch of 2, kept', 'rank 5'],
    reason: 'the product is rounded after each factor, and what that is off by is multiplied with the rest: 9 steps',
    expected: { excess: 5.2 },
  },
];

const staysFloat = ({ expected }: Exception) => 'float' in expected;

/** The first one that is about a case is asked; what stays float is that for any interpreter. */
export const exceptions: readonly Exception[] = [
  ...everywhere.filter(staysFloat),
  ...older,
  ...everywhere.filter((entry) => !staysFloat(entry)),
];
