import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { workerCount } from '../../src/worker-count.node.ts';
import { ModelBuilder } from '../support/model-builder.ts';

const MODEL = new ModelBuilder().build();
const MOST = Math.max(8, 2 * availableParallelism());

describe('the number of workers', () => {
  it('is what was asked for, but no more than samples or than a machine can use', () => {
    expect(workerCount([MODEL], [20], 3)).toBe(3);
    expect(workerCount([MODEL], [2, 1], 100_000)).toBe(3);
    expect(workerCount([MODEL], [1000], 100_000)).toBe(MOST);
    expect(workerCount([MODEL, MODEL], [undefined], 100_000)).toBe(MOST);
    expect(workerCount([MODEL], [0], 5)).toBe(1);
  });

  it('is by default one a core where there are samples enough', () => {
    expect(workerCount([MODEL], [7], undefined)).toBe(1);
    expect(workerCount([MODEL], [5000], undefined)).toBe(availableParallelism());
    expect(workerCount([MODEL], [undefined], undefined)).toBe(1);
  });
});
