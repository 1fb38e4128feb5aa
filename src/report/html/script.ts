/**
 * The report's script: sorts and filters the rows that are there, and opens details. Without it the report is complete,
 * in the order of the worst layer first.
 */
export const SCRIPT = `
(() => {
  'use strict';
  document.documentElement.classList.add('script');
  const table = document.getElementById('layers');
  if (!table) return;
  const bodies = [...table.tBodies].map((body) => ({ body, keys: JSON.parse(body.dataset.keys) }));
  const titles = [...table.tHead.rows[0].cells];
  const filter = document.getElementById('filter');
  const operator = document.getElementById('operator');
  const inexact = document.getElementById('inexact');
  const shown = document.getElementById('shown');
  const all = document.getElementById('all');
  let most = Number(table.dataset.firstRows);

  const compare = (a, b) => (typeof a === 'number' ? a - b : a.localeCompare(b));
  const sortBy = (column, direction) => {
    titles.forEach((title, index) => {
      if (index === column) title.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending');
      else title.removeAttribute('aria-sort');
    });
    const sorted = bodies.slice().sort((a, b) => direction * compare(a.keys[column], b.keys[column]));
    table.append(...sorted.map(({ body }) => body));
    apply();
  };
  for (const button of table.tHead.querySelectorAll('button')) {
    button.addEventListener('click', () => {
      const column = Number(button.dataset.column);
      const now = titles[column].getAttribute('aria-sort');
      const first = button.dataset.first === 'up' ? 1 : -1;
      const direction = now === null ? first : now === 'ascending' ? -1 : 1;
      sortBy(column, direction);
    });
  }

  const apply = () => {
    const words = filter.value.toLowerCase().split(/\\s+/).filter((word) => word !== '');
    let count = 0;
    for (const body of table.tBodies) {
      const fits =
        words.every((word) => body.dataset.text.includes(word)) &&
        (operator.value === '' || body.dataset.operator === operator.value) &&
        !(inexact.checked && body.dataset.exact === 'true');
      if (fits) count += 1;
      body.hidden = !fits || count > most;
    }
    const found = count === bodies.length ? count + ' layers' : count + ' of ' + bodies.length + ' layers';
    shown.textContent = count > most ? found + ', the first ' + most + ' shown' : found;
    all.hidden = count <= most;
    document.getElementById('rest').hidden = count <= most;
    all.textContent = 'Show all ' + count + ' layers';
  };
  for (const control of [filter, operator, inexact]) control.addEventListener('input', apply);
  all.addEventListener('click', () => {
    const next = [...table.tBodies].filter((body) => !body.hidden).length;
    most = Infinity;
    apply();
    [...table.tBodies].filter((body) => !body.hidden)[next]?.querySelector('.more').focus();
  });
  filter.form.addEventListener('submit', (event) => event.preventDefault());
  apply();

  const open = (body, expanded) => {
    const button = body.querySelector('.more');
    button.setAttribute('aria-expanded', String(expanded));
    body.querySelector('.details').hidden = !expanded;
  };
  table.addEventListener('click', (event) => {
    const button = event.target.closest('.more');
    if (button) open(button.closest('tbody'), button.getAttribute('aria-expanded') !== 'true');
  });
  const reveal = () => {
    const body = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!body || body.parentElement !== table) return;
    body.hidden = false;
    open(body, true);
    body.scrollIntoView({ block: 'center' });
    body.querySelector('.more').focus({ preventScroll: true });
  };
  addEventListener('hashchange', reveal);
  reveal();
})();
`;
