import { defineConfig } from 'vitest/config';

// One file at a time: the tests run real browsers, encoders and servers, and two cores are shared by all of them.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    disableConsoleIntercept: true,
    reporters: ['default'],
  },
});
