import { defineConfig } from 'vitest/config'

// Two projects: `unit` needs nothing but Node; `live` talks to a real RabbitMQ and a real Python Celery.
export default defineConfig({
  test: {
    projects: [
      {
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/**/*.live.test.ts'] },
      },
      {
        test: { name: 'live', include: ['test/**/*.live.test.ts'], testTimeout: 60_000, hookTimeout: 120_000 },
      },
    ],
  },
})
