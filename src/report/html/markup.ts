/** HTML that is safe to insert as it is. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** A name that may be broken behind its slashes. */
export const breakable = (text: string): Markup => new Markup(escapeHtml(text).replaceAll('/', '/<wbr>'));

export type Insertion = Markup | string | number | false | null | undefined | readonly Insertion[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for elements and quoted attributes. */
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter);

function insert(value: Insertion): string {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return (value as readonly Insertion[]).map(insert).join('');
  if (value === false || value === null || value === undefined) return '';
  return escapeHtml(String(value));
}

/** HTML from a template: whatever is inserted is escaped, unless it is markup itself. Names from models can hold anything. */
export function html(strings: TemplateStringsArray, ...values: readonly Insertion[]): Markup {
  return new Markup(strings.reduce((text, part, index) => text + insert(values[index - 1]) + part));
}
