/** The report's colours, light and dark. Text on its background has a contrast of at least 4.5 in both. */
export const COLORS = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f6f8; --ink: #1b1f24; --muted: #59626e; --line: #d8dce2;
  --arrives: #1f5fbf; --adds: #b45309; --good: #14603a; --poor: #7d5200; --bad: #b3261e;
  --good-back: #e3f4e8; --poor-back: #fdf0d5; --bad-back: #fbe4e2; --codes: #dbe8fb; --bars: #4b5561; --limit: #1f5fbf;
  --t0: #3d6fb4; --t1: #c2781f; --t2: #3f8f6b; --t3: #8a5fa8; --t4: #a84f5f; --t5: #7b8794;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --panel: #1d2126; --ink: #e6e9ed; --muted: #a8b1bc; --line: #363d46;
    --arrives: #7fb0ff; --adds: #f0a35a; --good: #7fd6a0; --poor: #f0c36a; --bad: #ff9d94;
    --good-back: #15301f; --poor-back: #392c10; --bad-back: #431b19; --codes: #22344f; --bars: #b4bdc8; --limit: #7fb0ff;
    --t0: #6f9fe0; --t1: #e0a050; --t2: #6fc09b; --t3: #b892d6; --t4: #d98896; --t5: #98a4b1;
  }
}
`;
