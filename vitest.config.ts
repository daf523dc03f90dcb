import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// With a broker given from outside, all live test files share one virtual host and must not hear each other.
const sharedBroker = Boolean(process.env.TWQ_TEST_BROKER_URL)

// Live tests take place with the newest Celery that can be had. What a Python worker or caller does is the point of these:
// they take place with 5.2, too.
const withOlderCelery = [
  'broker/amqp/python-headers',
  'canvas/workflows-in-redis',
  'client/inspect',
  'control/celery-command-line',
  'control/celery-replies',
  'docs/values',
  'events/monitors',
  'examples/flask',
  'support/python',
  'worker/remote/mingle',
  'worker/settle/outcomes',
  'worker/settle/retries',
]

const live = {
  globalSetup: ['test/support/live-setup.ts'],
  testTimeout: 300_000,
  hookTimeout: 300_000,
  maxWorkers: sharedBroker ? 1 : 3,
  sequence: { groupOrder: 2 },
}

// Vitest begins with the largest files. This one is small and takes minutes: at the end it would run on alone.
const LONGEST = 'test/readme/readme.live.test.ts'

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => (moduleId.endsWith(LONGEST) ? 0 : 1)
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

// Four projects: `unit` starts no program and takes seconds; `process` starts processes and threads of twq, and needs
// nothing but Node either; `live` and `live-5.2` talk to a real RabbitMQ and a real Python Celery, which their setup finds
// or installs, and starts privately.
export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.{process,live}.test.ts'],
          // What this folder's tasks import is then src/ too, and nothing has to be built.
          alias: [{ find: /^twq$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) }],
          // Loading every module anew for each file took two thirds of the time. No file leaves anything behind.
          isolate: false,
          // Nothing here takes long, except on a machine that is busy with something else.
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'process',
          include: ['test/**/*.process.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...live,
          name: 'live',
          include: ['test/**/*.live.test.ts'],
          provide: { celery: 'newest' },
        },
      },
      {
        test: {
          ...live,
          name: 'live-5.2',
          include: withOlderCelery.map((path) => `test/${path}.live.test.ts`),
          provide: { celery: '5.2' },
          runner: 'test/support/celery-runner.ts',
        },
      },
    ],
  },
})
