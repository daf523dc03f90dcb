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

/** Their paths in the project, for one of the brokers. */
export function filesForBrokers(project: string, version: string): string[] {
  const [first] = Object.keys(BROKERS)
  const all = [...FOLDERS.map((folder) => `${folder}/**/*`), ...OTHERS]
  const ignore = version === first ? OF_OURS : [...OF_OURS, ...ON_THE_FIRST]
  return globSync(all.map(pathOf), { cwd: project, ignore: ignore.map(pathOf) }).sort()
}

function pathOf(name: string): string {
  return `test/${name}.live.test.ts`
}
