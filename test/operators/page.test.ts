import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { operatorsPage } from '../../scripts/generate-operators-page.ts';
import { projectRoot } from '../support/shared.ts';

it('docs/operators.md is what specs and suite say: npx tsx scripts/generate-operators-page.ts writes it', () => {
  expect(readFileSync(join(projectRoot, 'docs/operators.md'), 'utf8')).toBe(operatorsPage());
});
