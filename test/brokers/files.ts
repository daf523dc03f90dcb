import { globSync } from 'tinyglobby'
import { BROKERS } from './releases.ts'

/**
 * The live tests that another RabbitMQ, Celery or Redis could change: of queues, consumers, limits, clusters, remote control,
 * results and of what users believe. The others are about programs of ours, and one RabbitMQ is as good as another for them.
 */
const FOLDERS = [
  'acceptance',
  'broker',
  'canvas',
  'client',
  'conformance',
  'control',
  'devbroker',
  'events',
  'queues',
  'results',
  'sending',
  'worker',
]

/** Of other folders. */
const OTHERS = [
  'cli/blocked-broker',
  'cli/failed/failed',
  'cli/quarantine/quarantine',
  'cli/queue/queue',
  'cli/why/why',
  'examples/flask',
  'schedules/lost-queue',
  'support/python',
]

/** In those folders, but about the event loop, the memory and the pools of a worker or a client. */
const OF_OURS = [
  'control/ping-under-stress',
  'sending/send-many',
  'worker/run/blocked-loop',
  'worker/run/killed-members',
  'worker/run/pools',
]

/** About Celery and Redis, or about what one RabbitMQ 4 does as another: on the first, whose Celery `npm test` does not have. */
const ON_THE_FIRST = [
  'acceptance/hostile-messages',
  'acceptance/lost-redis',
  'acceptance/start-up',
  'canvas/workflows-in-redis',
  'cli/why/why',
  'control/celery-replies',
  'control/inspect',
  'devbroker/celery',
  'events/**/*',
  'examples/flask',
  'results/redis/**/*',
  'sending/back-pressure',
  'worker/follow-ups/chord-additions',
  'worker/quarantine/quarantined-members',
  'worker/request/revocation',
]

/**
 * Of nodes and workers that are lost or replaced, of connections and of programs on long ways: on the last, whose cluster
 * keeps its metadata otherwise than that of RabbitMQ 3.10. One before it is between the two.
 */
const ON_THE_LAST = [
  'acceptance/drained-worker',
  'acceptance/failed-tasks',
  'acceptance/restarted-broker',
  'broker/amqp/connection',
  'broker/amqp/tls',
  'cli/queue/queue',
  'schedules/lost-queue',
  'worker/consume/lost-node',
  'worker/consume/work-ahead',
  'worker/embedded-worker',
  'worker/follow-ups/lost-node-of-a-chord',
  'worker/lifecycle/deploys',
  'worker/lifecycle/health',
  'worker/quarantine/isolation',
]

/** Their paths in the project, for one of the brokers. */
export function filesForBrokers(project: string, version: string): string[] {
  const versions = Object.keys(BROKERS)
  const all = [...FOLDERS.map((folder) => `${folder}/**/*`), ...OTHERS]
  const ignore = [
    ...OF_OURS,
    ...(version === versions[0] ? [] : ON_THE_FIRST),
    ...(version === versions.at(-1) ? [] : ON_THE_LAST),
  ]
  for (const name of [...all, ...OF_OURS, ...ON_THE_FIRST, ...ON_THE_LAST]) {
    if (globSync(pathOf(name), { cwd: project }).length === 0) throw new Error(`there is no ${pathOf(name)} any more`)
  }
  return globSync(all.map(pathOf), { cwd: project, ignore: ignore.map(pathOf) }).sort()
}

function pathOf(name: string): string {
  return `test/${name}.live.test.ts`
}
