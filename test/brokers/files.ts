import { globSync } from 'tinyglobby'

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
  'cli/worker/health',
  'examples/flask',
  'support/python',
]

/** Their paths in the project. */
export function filesForBrokers(project: string): string[] {
  const patterns = [...FOLDERS.map((folder) => `${folder}/**/*`), ...OTHERS].map((path) => `test/${path}.live.test.ts`)
  return globSync(patterns, { cwd: project }).sort()
}
