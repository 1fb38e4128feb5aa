import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../datasets/csv.ts';
import { parseLabels } from '../../datasets/labels.ts';

const names = ['a/1.png', 'a/2.png', 'b/1.png'];
const read = (text: string, options = {}) =>
  parseLabels(text, names, 'labels.csv', options).map((label) => label && [...label]);

describe('labels', () => {
  it('match by file, with and without a header, in any order', () => {
    expect(read('file,label\nb/1.png,3\na/1.png,1\na/2.png,2\n')).toEqual([[1], [2], [3]]);
    expect(read('./a\\1.png,1\na/2.png,2\nb/1.png,3')).toEqual([[1], [2], [3]]);
  });

  it('match by the bare name where only one sample has it', () => {
    expect(read('2.png,7\n1.png,5')).toEqual([undefined, [7], undefined]);
  });

  it('come one a line in the order of the samples', () => {
    expect(read('1\n2\n3\n')).toEqual([[1], [2], [3]]);
    expect(read('label\n1\n2\n3\n')).toEqual([[1], [2], [3]]);
  });

  it('may be several, or none', () => {
    expect(read('file,split,label\na/1.png,test,"1 2"\na/2.png,test,\n')).toEqual([[1, 2], undefined, undefined]);
    expect(read('file,split,ok\na/1.png,test,4\n', { labelColumn: 'ok' })).toEqual([[4], undefined, undefined]);
  });

  it('may be names where the classes have names', () => {
    expect(read('file,label\na/1.png,great white shark\n', { classNames: ['cat', 'great white shark'] })).toEqual([
      [1],
      undefined,
      undefined,
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['nothing', '', /empty/],
    ['too few', '1\n2\n', /2 lines for 3 samples/],
    ['words', 'file,label\na/1.png,cat\n', /line 2 has the label "cat"/],
    ['other files', 'x.png,1\ny.png,2\n', /none of its files/],
    ['no label column', 'file,a,b\na/1.png,1,2\n', /label column/],
    ['an open quote', 'file,label\n"a/1.png,1\n', /never closed/],
  ])('refuse %s', (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

describe('comma-separated values', () => {
  it('keep quotes, commas and line ends inside of quotes', () => {
    expect(parseCsv('\uFEFFa, "b, ""c"""\r\n"x\ny",2\n\nz,', 'f.csv')).toEqual([
      { cells: ['a', 'b, "c"'], line: 1 },
      { cells: ['x\ny', '2'], line: 2 },
      { cells: ['z', ''], line: 5 },
    ]);
  });
});
