import type { OperatorName } from '../../support/model-builder.ts';
import { operatorZoo } from '../../support/operator-zoo.ts';
import { type SuiteCase, zooCase } from '../case.ts';

/** The ordinary case of each operator, and the forms that the zoo has of it. */
export const zooCases = (operators: readonly OperatorName[]): SuiteCase[] =>
  operatorZoo.filter(({ operator }) => operators.includes(operator)).map(zooCase);
