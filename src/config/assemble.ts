import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { TwqError } from '../errors.ts'
import type { TaskQueue } from '../protocol/queue/task-queue.ts'
import { expandNodeName } from '../protocol/remote/node-name.ts'
import { autoscaleOf, concurrencyOf } from './concurrency.ts'
import type { Config } from './config.ts'
import type { Read } from './options.ts'

type Queues = Pick<Config, 'queues' | 'knownQueues' | 'defaultQueue'>

// AMQP writes the count in 16 bits.
const LARGEST_PREFETCH = 65_535

/** The configuration from the values of its options; `inFile` are the queues that the file describes. */
export function assemble(read: Read, inFile: readonly TaskQueue[], baseDir: string): Config {
  const { queues, knownQueues, defaultQueue } = chosenQueues(read, inFile)
  const concurrency = concurrencyOf(read)
  const autoscale = autoscaleOf(read)
  return Object.freeze({
    broker: read('broker'),
    resultBackend: read('resultBackend'),
    resultExpires: read('resultExpires'),
    resultExtended: read('resultExtended'),
    resultKeyPrefix: read('resultKeyPrefix'),
    resultPatience: read('resultPatience'),
    // Tasks themselves are the user's objects, and their schemas may keep caches inside: only the list is frozen.
    tasks: Object.freeze([...read('tasks')]),
    queues,
    knownQueues,
    defaultQueue,
    routes: read('routes'),
    defaultPriority: read('defaultPriority'),
    inheritPriority: read('inheritPriority'),
    queueCreation: read('queueCreation'),
    pool: read('pool'),
    concurrency,
    autoscale,
    maxTasksPerChild: read('maxTasksPerChild'),
    maxMemoryPerChild: read('maxMemoryPerChild'),
    acks: read('acks'),
    timeLimit: read('timeLimit'),
    softTimeLimit: read('softTimeLimit'),
    ackOnFailure: read('ackOnFailure'),
    ackOnTimeout: read('ackOnTimeout'),
    rejectOnLost: read('rejectOnLost'),
    prefetch:
      read('prefetch') ?? Math.min((autoscale?.max ?? concurrency) * read('prefetchMultiplier'), LARGEST_PREFETCH),
    prefetchMultiplier: read('prefetchMultiplier'),
    nodeName: expandNodeName(read('nodeName'), hostname()),
    heartbeat: read('heartbeat'),
    events: read('events'),
    workerEvents: read('workerEvents'),
    eventHeartbeat: read('eventHeartbeat'),
    unknownTask: read('unknownTask'),
    health: read('health'),
    statedb: pathFrom(baseDir, read('statedb')),
    rateLimit: read('rateLimit'),
    maxStarts: read('maxStarts'),
    maxBodySize: read('maxBodySize'),
    maxResultSize: read('maxResultSize'),
    control: read('control'),
    poolRestarts: read('poolRestarts'),
    shutdown: Object.freeze({ grace: read('shutdown.grace'), abort: read('shutdown.abort') }),
    management: read('management'),
    publishTimeout: read('publishTimeout'),
    delayedDelivery: read('delayedDelivery'),
    delayedQueueType: read('delayedQueueType'),
    holdFor: read('holdFor'),
    maxHeld: read('maxHeld'),
    maxHeldSize: read('maxHeldSize'),
    logLevel: read('logLevel'),
    logFormat: read('logFormat'),
    baseDir,
  })
}

/** Those that are to be consumed, with the settings that the file has for them, and all that are known. */
function chosenQueues(read: Read, inFile: readonly TaskQueue[]): Queues {
  const known = new Map(inFile.map((queue) => [queue.name, queue]))
  const wanted = read('queues').map((queue) => known.get(queue.name) ?? queue)
  for (const queue of wanted) known.set(queue.name, queue)
  const excluded = new Set(read('excludeQueues'))
  const queues = wanted.filter(({ name }) => !excluded.has(name))
  const [first] = queues
  if (first === undefined) {
    throw new TwqError(
      'TWQ_CONFIG',
      `there is no queue left to consume: all of ${wanted.map(({ name }) => name).join(', ')} are excluded`,
      {
        hint: 'Exclude fewer, or name others: --queues',
      },
    )
  }
  const freeze = (list: readonly TaskQueue[]): readonly TaskQueue[] => Object.freeze(list.map(deepFreeze))
  return { queues: freeze(queues), knownQueues: freeze([...known.values()]), defaultQueue: first.name }
}

/** Plain data, so that nothing of a user's is frozen: queues are read anew from what he wrote. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const part of Object.values(value)) deepFreeze(part)
    Object.freeze(value)
  }
  return value
}

function pathFrom(folder: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(folder, path)
}
