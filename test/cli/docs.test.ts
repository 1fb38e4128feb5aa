import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cliDocs } from '../../scripts/generate-cli-docs.ts';
import { projectRoot } from '../support/shared.ts';

it('docs/cli.md is what the tables say: npx tsx scripts/generate-cli-docs.ts writes it', () => {
  expect(readFileSync(join(projectRoot, 'docs/cli.md'), 'utf8')).toBe(cliDocs());
});
