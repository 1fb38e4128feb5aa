import { describe, expect, it } from 'vitest';
import { oraclePython, skipUnless } from '../support/shared.ts';
import { askOracle } from './oracle.node.ts';
import { compareWithOracle, randomCase } from './random-case.ts';

const SEEDS = Number(process.env.AEQ_SEEDS ?? 200);
const skipped = skipUnless(oraclePython, 'random graphs against the original need AEQ_PYTHON, a Python that has it');

describe.skipIf(skipped)(`${SEEDS} random graphs against the original`, () => {
  it('come out equal wherever the original gives a result', () => {
    const cases = Array.from({ length: SEEDS }, (_, seed) => randomCase(seed));
    const answers = askOracle(oraclePython as string, cases);
    const verdicts = cases.map((entry, index) => compareWithOracle(entry, answers[index] ?? { error: 'no answer' }));
    const count = (verdict: string) => verdicts.filter(({ kind }) => kind === verdict).length;
    const counts = `${count('equal')} equal, ${count('both-refuse')} refused by both, ${count('only-ours')} only by it`;
    console.log(`${SEEDS} random graphs: ${counts}`);
    expect(verdicts.filter(({ kind }) => kind === 'different')).toEqual([]);
  });
});
