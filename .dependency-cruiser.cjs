/** Rooms and who may import whom (docs/architecture.md). Arrows go one way: kernels <- schema <- datasets <- calibration <- src. */
const room = (name, allowed) => ({
  name: `${name}-imports`,
  comment: `${name}/ may import only itself${allowed.length ? ` and ${allowed.join(', ')}` : ''}`,
  severity: 'error',
  from: { path: `^${name}/` },
  to: {
    path: '^(kernels|schema|datasets|calibration|recipes|src|scripts|test)/',
    pathNot: `^(${[name, ...allowed].join('|')})/`,
  },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    room('kernels', []),
    room('schema', ['kernels']),
    room('datasets', ['schema', 'kernels']),
    room('calibration', ['schema', 'kernels', 'datasets']),
    room('src', ['kernels', 'schema', 'datasets', 'calibration', 'recipes']),
    {
      name: 'calibration-sees-only-the-types-of-datasets',
      severity: 'error',
      from: { path: '^calibration/' },
      to: { path: '^datasets/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'scripts-are-imported-by-nobody',
      severity: 'error',
      from: { pathNot: '^(scripts|test)/' },
      to: { path: '^(scripts|test)/' },
    },
    {
      name: 'cli-is-the-top',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'node-modules-in-node-files',
      comment: 'Everything but *.node.ts and src/cli must be able to run in a browser one day',
      severity: 'error',
      from: { path: '^(kernels|schema|datasets|calibration|src)/', pathNot: '(\\.node\\.ts$|^src/cli/)' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^kernels/assembly/|^dist/)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
