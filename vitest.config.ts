import { availableParallelism } from 'node:os'
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
  'monitor/cluster',
  'support/python',
  'worker/remote/mingle',
  'worker/settle/outcomes',
  'worker/settle/retries',
]

// Files that start programs mostly wait for them: more of these at once than there are processors, processes beside servers.
const startsPrograms = { maxWorkers: sharedBroker ? 1 : 4, sequence: { groupOrder: 1 } }

const live = {
  ...startsPrograms,
  globalSetup: ['test/support/live-setup.ts'],
  testTimeout: 300_000,
  hookTimeout: 300_000,
}

// Vitest begins with the largest files. These take long, small as they are: at the end one would run on alone.
const LONGEST = [
  'readme/readme.live',
  'docs/plugin-recipes.live',
  'canvas/workflows-in-redis.live',
  'worker/follow-ups/lost-node-of-a-chord.live',
  'schedules/lost-queue.live',
  'sending/send-many.live',
  'cli/mistakes.live',
  'acceptance/failed-tasks.live',
  'worker/quarantine/isolation.live',
  'cli/doctor/doctor.live',
  'control/ping-under-stress.live',
  'support/provision/rabbit.live',
  'worker/quarantine/set-aside.live',
  'fuzz/fuzz.live',
  'plugins/hostile-members.live',
  'cli/init/init.live',
  'worker/waiting/delays-between.live',
  'worker/lifecycle/deploys.live',
  'broker/publishing/lost-leader.live',
  'worker/consume/lost-node.live',
  'cli/worker/health.live',
  'worker/run/blocked-loop.live',
  'worker/follow-ups/chord-joins.live',
  'worker/run/killed-members.live',
  'acceptance/start-up.live',
  'worker/waiting/delays-of-celery.live',
  'acceptance/hostile-messages.live',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.findIndex((path) => moduleId.endsWith(`/test/${path}.test.ts`))
      return place < 0 ? LONGEST.length : place
    }
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
          // Vitest would leave one processor unused.
          maxWorkers: availableParallelism(),
          // Nothing here takes long, except on a machine that is busy with something else.
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...startsPrograms,
          name: 'process',
          include: ['test/**/*.process.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
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
