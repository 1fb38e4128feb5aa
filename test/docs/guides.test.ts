import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../support/shared.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { digitsFolder, sentencesFolder, soundsFolder } from './folders.ts';
import { blocksOf, notPrinted, shell } from './guide.ts';

/** What has to be in the folder where the commands of a guide run. */
const FOLDERS: Readonly<Record<string, (folder: string) => void>> = {
  'image-model.md': digitsFolder,
  'text-model.md': sentencesFolder,
  'audio-model.md': soundsFolder,
  'find-the-layer.md': digitsFolder,
};

/** A guide starts the command up to six times. */
const PATIENCE_MS = 180_000;

it('knows all guides', () => {
  expect(readdirSync(join(projectRoot, 'docs/guides')).sort()).toEqual(Object.keys(FOLDERS).sort());
});

it.each(Object.entries(FOLDERS))(
  '%s does what it says',
  async (guide, prepare) => {
    const folder = temporaryFolder();
    prepare(folder);
    let output = '';
    let commands = 0;
    for (const { language, text, line } of blocksOf(`docs/guides/${guide}`)) {
      if (language === 'sh') {
        const run = await shell(text, folder);
        expect(run.status, `line ${line}:\n${text}${run.output}`).toBe(0);
        output = run.output;
        commands += 1;
      } else {
        expect(language, `language of the block at line ${line}`).toBe('text');
        expect(notPrinted(text, output), `line ${line}, printed was:\n${output}`).toEqual([]);
      }
    }
    expect(commands).toBeGreaterThan(2);
  },
  PATIENCE_MS,
);
