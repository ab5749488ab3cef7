import { defineConfig } from "vitest/config";

export default defineConfig({
  root: import.meta.dirname,
  cacheDir: "../node_modules/.vite",
  // vitest transforms with oxc or esbuild, which read jsx from tsconfig.json: automatic, from preact
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    environment: "happy-dom",
    restoreMocks: true,
    unstubGlobals: true,
    // two shared cores: one worker beside the main process is faster than many
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
