import { defineConfig } from 'vitest/config'

// With a broker given from outside, all live test files share one virtual host and must not hear each other.
const sharedBroker = Boolean(process.env.TWQ_TEST_BROKER_URL)

// Two projects: `unit` needs nothing but Node; `live` talks to a real RabbitMQ and a real Python Celery, which its setup
// finds or installs, and starts privately.
export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.live.test.ts'],
          // Nothing here takes long, except on a machine that is busy with something else.
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'live',
          include: ['test/**/*.live.test.ts'],
          globalSetup: ['test/support/live-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: sharedBroker ? 1 : 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
