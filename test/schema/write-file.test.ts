import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  atomicWrite,
  checkWritable,
  createUnfinishedFile,
  removeUnfinishedFiles,
} from '../../schema/write-file.node.ts';
import { projectRoot } from '../support/shared.ts';
import { temporaryFolder } from '../support/temporary.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const code = (name: string) => expect.objectContaining({ code: name });
const windows = process.platform === 'win32';
const root = process.getuid?.() === 0;

describe('atomicWrite', () => {
  it('writes the pieces in order and leaves nothing else', async () => {
    const folder = temporaryFolder();
    await atomicWrite(join(folder, 'a.bin'), [bytes('one '), bytes(''), bytes('two')]);
    expect(readFileSync(join(folder, 'a.bin'), 'utf8')).toBe('one two');
    expect(readdirSync(folder)).toEqual(['a.bin']);
  });

  it('takes pieces that come later, and uses each up before it asks for the next', async () => {
    const file = join(temporaryFolder(), 'a.bin');
    const memory = new Uint8Array(1);
    async function* chunks() {
      for (const value of [1, 2, 3]) {
        memory.fill(value);
        yield memory;
      }
    }
    await atomicWrite(file, chunks());
    expect([...readFileSync(file)]).toEqual([1, 2, 3]);
  });

  it('does not replace a file unless it is told to', async () => {
    const file = join(temporaryFolder(), 'a.bin');
    writeFileSync(file, 'old');
    await expect(atomicWrite(file, [bytes('new')])).rejects.toThrow(code('FILE_EXISTS'));
    expect(readFileSync(file, 'utf8')).toBe('old');
    await atomicWrite(file, [bytes('new')], { overwrite: true });
    expect(readFileSync(file, 'utf8')).toBe('new');
  });

  it('keeps the old file and removes the unfinished one when a piece fails', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'a.bin');
    writeFileSync(file, 'old');
    function* chunks() {
      yield bytes('half');
      throw new Error('the source is gone');
    }
    await expect(atomicWrite(file, chunks(), { overwrite: true })).rejects.toThrow('the source is gone');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['a.bin']);
  });

  it('refuses a file that appeared while it was writing', async () => {
    const file = join(temporaryFolder(), 'a.bin');
    function* chunks() {
      writeFileSync(file, 'theirs');
      yield bytes('ours');
    }
    await expect(atomicWrite(file, chunks())).rejects.toThrow(code('FILE_EXISTS'));
    expect(readFileSync(file, 'utf8')).toBe('theirs');
  });

  it('names a folder that is missing, and a folder given as file', async () => {
    const folder = temporaryFolder();
    const missing = join(folder, 'no', 'a.bin');
    await expect(atomicWrite(missing, [])).rejects.toThrow(code('FILE_UNWRITABLE'));
    expect(() => checkWritable(missing)).toThrow(/folder does not exist/);
    await expect(atomicWrite(folder, [], { overwrite: true })).rejects.toThrow(/it is a folder/);
    writeFileSync(join(folder, 'file'), '');
    expect(() => checkWritable(join(folder, 'file', 'a.bin'))).toThrow(code('FILE_UNWRITABLE'));
  });

  it.skipIf(windows || root)('says when the folder may not be written', async () => {
    const folder = join(temporaryFolder(), 'locked');
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    await expect(atomicWrite(join(folder, 'a.bin'), [])).rejects.toThrow(/permission denied/);
    expect(() => checkWritable(join(folder, 'a.bin'))).toThrow(code('FILE_UNWRITABLE'));
    chmodSync(folder, 0o700);
  });

  it.skipIf(windows)('follows a symbolic link and keeps the permissions of the file it replaces', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'a.bin');
    const link = join(folder, 'link.bin');
    writeFileSync(file, 'old');
    chmodSync(file, 0o640);
    symlinkSync(file, link);
    await atomicWrite(link, [bytes('new')], { overwrite: true });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it.skipIf(!existsSync('/dev/full'))('writes to a device in place, and says when the disk is full', async () => {
    await atomicWrite('/dev/null', [bytes('x')]);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    await expect(atomicWrite('/dev/full', [bytes('x')])).rejects.toThrow(/the disk is full/);
  });

  it.skipIf(windows)('fails cleanly on a disk that fills up while it writes', () => {
    const folder = temporaryFolder();
    const script = `
      import { atomicWrite } from ${JSON.stringify(new URL('../../schema/write-file.node.ts', import.meta.url).href)};
      process.on('SIGXFSZ', () => {});
      await atomicWrite(${JSON.stringify(join(folder, 'big.bin'))}, Array.from({ length: 64 }, () => new Uint8Array(65536)))
        .catch((error) => process.stdout.write(error.code));
    `;
    writeFileSync(join(folder, 'script.mts'), script);
    const output = execFileSync(
      'sh',
      ['-c', `ulimit -f 1024; exec "${process.execPath}" --import tsx "$0"`, join(folder, 'script.mts')],
      {
        cwd: projectRoot,
        encoding: 'utf8',
      },
    );
    expect(output).toBe('FILE_UNWRITABLE');
    expect(readdirSync(folder)).toEqual(['script.mts']);
  });
});

describe('unfinished files', () => {
  it('can be filled in any order, also by others through the temporary name', () => {
    const file = join(temporaryFolder(), 'a.bin');
    const unfinished = createUnfinishedFile(file);
    unfinished.write(bytes('world'), 6);
    unfinished.write(bytes('hello '), 0);
    expect(existsSync(file)).toBe(false);
    expect(readFileSync(unfinished.temporaryPath, 'utf8')).toBe('hello world');
    unfinished.commit();
    expect(readFileSync(file, 'utf8')).toBe('hello world');
    unfinished.discard();
    expect(existsSync(file)).toBe(true);
  });

  it('are all removed at once on an interrupt, and cannot be finished afterwards', () => {
    const folder = temporaryFolder();
    const first = createUnfinishedFile(join(folder, 'a.bin'));
    createUnfinishedFile(join(folder, 'b.bin'));
    expect(readdirSync(folder)).toHaveLength(2);
    expect(removeUnfinishedFiles()).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
    expect(() => first.write(bytes('x'), 0)).toThrow(code('INTERNAL'));
    expect(() => first.commit()).toThrow();
    expect(readdirSync(folder)).toEqual([]);
    expect(removeUnfinishedFiles()).toBe(0);
  });

  it('take the longest name a file may have', async () => {
    const folder = temporaryFolder();
    const name = `${'x'.repeat(244)}.tflite`;
    await atomicWrite(join(folder, name), [bytes('x')]);
    expect(readdirSync(folder)).toEqual([name]);
    await expect(atomicWrite(join(folder, 'x'.repeat(300)), [])).rejects.toThrow(code('FILE_UNWRITABLE'));
  });
});
