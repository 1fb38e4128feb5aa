import { operatorName } from '../../schema/graph.ts';
import type { Model, Operator } from '../../schema/model.ts';
import { ROTATION_OPERATOR } from '../plan/rotation.ts';

/** Operators that one inserted rotation consists of, at most. */
export const LONGEST_INSERTION = 3;

const PARTS: ReadonlySet<string> = new Set([ROTATION_OPERATOR, 'RESHAPE', 'FULLY_CONNECTED']);

/** The operator may be part of a rotation that undoes what is stored rotated. */
export const mayBeInserted = (model: Model, operator: Operator): boolean => PARTS.has(operatorName(model, operator));
