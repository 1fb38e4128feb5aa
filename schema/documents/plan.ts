import * as z from 'zod';
import { PLAN_FORMAT, PLAN_VERSION } from './plan-terms.ts';

const whole = z.number().int().nonnegative();

/** What becomes of one operator, or of an input or output of the model. */
const plannedOperatorSchema = z.object({
  subgraph: whole,
  operator: z.number().int().min(-1).describe('index in the float model; -1 for inputs and outputs of the model'),
  name: z.string(),
  scope: z.string().describe('names that the expressions of a recipe are searched in'),
  mode: z.enum(['static', 'dynamic', 'weight-only', 'float']),
  reason: z.string(),
  rule: whole.nullable().describe('index of the deciding rule of the recipe; null when no rule applies'),
});

/** How one tensor is stored, as its writer gives it or as a reader wants it. */
const plannedTensorSchema = z.object({
  subgraph: whole,
  tensor: whole.describe('index in the float model'),
  name: z.string(),
  role: z.enum(['written as', 'read as']),
  type: z.string(),
  parameters: z.string(),
  reason: z.string().describe('where its range comes from'),
});

/** What quantizing decided and why: for people, for `validate --plan`, and to compare two plans. */
export const planSchema = z.object({
  format: z.literal(PLAN_FORMAT),
  version: z.literal(PLAN_VERSION),
  model: z
    .object({ file: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })
    .optional()
    .describe('the float model that the indices refer to; left out inside of a container'),
  operators: z.array(plannedOperatorSchema),
  tensors: z.array(plannedTensorSchema),
  warnings: z.array(z.string()),
});

export type PlannedTensor = z.infer<typeof plannedTensorSchema>;
export type PlanDocument = z.infer<typeof planSchema>;

/** JSON Schema of the file. */
export const planJsonSchema = (): unknown => z.toJSONSchema(planSchema, { io: 'input' });
