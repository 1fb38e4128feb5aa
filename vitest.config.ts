import { defineConfig } from 'vitest/config';

const report = process.env.AEQ_TEST_REPORT;

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'sources',
          include: ['test/**/*.test.ts'],
          exclude: ['test/cli/**', 'test/docs/**'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: { name: 'command', include: ['test/{cli,docs}/**/*.test.ts'], globalSetup: ['test/support/build.ts'] },
      },
    ],
  },
});
