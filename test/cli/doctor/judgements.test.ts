import { describe, expect, it } from 'vitest'
import { parseBrokerUrl } from '../../../src/broker/url.ts'
import { judgeMajority, judgeQueue } from '../../../src/cli/doctor/judge-queues.ts'
import { judgeServer } from '../../../src/cli/doctor/judge-server.ts'
import { judgeAddress, judgeConsumerTimeout, judgeSettings } from '../../../src/cli/doctor/judge-settings.ts'
import { judgeSoftware } from '../../../src/cli/doctor/judge-software.ts'
import { judgeWorkers } from '../../../src/cli/doctor/judge-workers.ts'
import type { QueueFacts } from '../../../src/cli/doctor/look-at-queues.ts'
import type { WorkerFacts } from '../../../src/cli/doctor/look-at-workers.ts'
import type { UserConfig } from '../../../src/config/config.ts'
import { resolveConfig } from '../../../src/config/resolve-config.ts'
import { TwqError } from '../../../src/errors.ts'
import { plainQueue } from '../../../src/protocol/queue/task-queue.ts'

function aConfig(content: UserConfig = {}) {
  return resolveConfig({ file: { path: 'worker.config.ts', content }, env: {}, baseDir: '/' })
}

/** What is wrong, a line each; nothing when all is well. */
function complaints(findings: readonly { status: string; what: string }[]): readonly string[] {
  return findings.filter(({ status }) => status !== 'ok').map(({ status, what }) => `${status}: ${what}`)
}

describe('settings', () => {
  it.each<[UserConfig, readonly string[]]>([
    [{}, []],
    [{ acks: 'early' }, ["acks is 'early'"]],
    [
      { acks: 'early', ackOnFailure: false },
      ["acks is 'early'", "ackOnFailure and ackOnTimeout have no effect with acks 'early'"],
    ],
    [{ pool: 'threads', timeLimit: '1m', ackOnTimeout: false }, ['ackOnTimeout is false']],
    [{ timeLimit: '1m' }, ["timeLimit is 60 s with the pool 'async'"]],
    [{ pool: 'threads', timeLimit: '1m', softTimeLimit: '1m' }, ['softTimeLimit (60 s) is not below timeLimit (60 s)']],
    [{ maxTasksPerChild: 3 }, ["maxTasksPerChild and maxMemoryPerChild have no effect with the pool 'async'"]],
    [{ concurrency: 1, prefetch: 100 }, ['the worker holds up to 100 messages, and runs 1 at once']],
    [{ concurrency: 1, prefetch: 10 }, []],
    [{ concurrency: 10, prefetch: 4 }, ['prefetch is 4 and concurrency 10']],
    [{ heartbeat: '5m' }, ['heartbeat is 300 s']],
    [{ unknownTask: 'discard' }, ["unknownTask is 'discard'"]],
  ])('%j are warned of: %j', (content, warnings) => {
    expect(complaints(judgeSettings(aConfig(content)))).toEqual(warnings.map((what) => `warning: ${what}`))
  })

  it.each(['ssl_cert_reqs=none', 'ssl_check_hostname=false'])('are warned of for results: %s', (option) => {
    const resultBackend = `rediss://host?${option}`
    expect(complaints(judgeSettings(aConfig({ resultBackend })))).toEqual([
      expect.stringMatching(new RegExp(`^warning: ${option} in the URL of the result backend`)),
    ])
  })

  it.each<[UserConfig, readonly number[], string]>([
    [{}, [], 'ok'],
    [{ timeLimit: '30m' }, [], 'ok'],
    [{ timeLimit: '31m' }, [], 'warning'],
    [{}, [3_600_000], 'warning'],
    [{ acks: 'early' }, [3_600_000], 'ok'],
  ])('%j with task limits %j are, for the consumer timeout, %s', (content, limits, status) => {
    expect(judgeConsumerTimeout(aConfig(content), limits).status).toBe(status)
  })

  it.each([
    ['amqp://guest:guest@localhost//', []],
    ['amqp://guest:guest@127.0.0.1//', []],
    ['amqps://ada:x@rabbit.example//', []],
    ['amqp://ada:x@rabbit.example//', ['broker tls']],
    ['amqp://rabbit.example//', ['broker user', 'broker tls']],
  ])('the address %s is warned of: %j', (url, checks) => {
    expect(judgeAddress(parseBrokerUrl(url)[0]).map(({ check }) => check)).toEqual(checks)
  })
})

it.each([
  ['v20.19.0', 'ok'],
  ['v22.12.0', 'ok'],
  ['v23.0.0', 'warning'],
])('Node %s is judged %s', (node, status) => {
  expect(judgeSoftware(node, new Map([['twq', '0.1.0']])).status).toBe(status)
})

it.each([
  ['RabbitMQ', '3.13.7', 60, 131_072, []],
  ['RabbitMQ', '4.1.0', 60, 131_072, []],
  ['RabbitMQ', '4.3.0', 60, 131_072, ['RabbitMQ 4.3.0']],
  ['RabbitMQ', '3.7.2', 60, 131_072, ['RabbitMQ 3.7.2']],
  ['LavinMQ', '2.0.0', 60, 131_072, ['LavinMQ 2.0.0']],
  ['RabbitMQ', '3.13.7', 60, 4_096, ['4096 bytes']],
  ['RabbitMQ', '3.13.7', 0, 131_072, ['the connection has none']],
])(
  'the server %s %s with heartbeat %i and frames of %i is warned of: %j',
  (product, version, heartbeat, frameMax, warnings) => {
    const found = complaints(judgeServer({ product, version, heartbeat, frameMax }))
    expect(found).toEqual(warnings.map((what) => (typeof what === 'string' ? `warning: ${what}` : what)))
  },
)

describe('a queue', () => {
  const status = (name: string, messages: number, consumers: number) => ({ name, messages, consumers })
  const facts = (over: Partial<QueueFacts>): QueueFacts => ({
    queue: plainQueue('q'),
    status: status('q', 3, 1),
    down: undefined,
    refusal: undefined,
    quarantine: status('q.quarantine', 0, 0),
    suspects: status('q.suspects', 0, 1),
    failed: status('q.failed', 0, 0),
    managed: undefined,
    ...over,
  })
  const quorum = {
    name: 'q',
    type: 'quorum',
    state: 'running',
    ready: 0,
    unacked: 0,
    consumers: 1,
    durable: true,
    arguments: {},
    policy: undefined,
    published: 0,
    headTime: undefined,
    members: 3,
    online: 3,
    delivered: 0,
  }

  it('are told of members that are no majority', () => {
    const found = (state: string) => judgeMajority('q', { ...quorum, state })?.what
    const lost = 'too few of its 3 members are there to give or take anything'
    expect(['minority', 'running', 'down'].map(found)).toEqual([lost, undefined, undefined])
    expect(judgeMajority('q', undefined)).toBe(undefined)
  })

  it.each<[string, Partial<QueueFacts>, readonly string[]]>([
    ['is as it should be', {}, []],
    [
      'does not exist',
      { status: undefined, quarantine: undefined, suspects: undefined },
      ['warning: it does not exist'],
    ],
    [
      'is down with its node',
      { status: undefined, down: new TwqError('TWQ_QUEUE_DOWN', "a node of the broker is away: queue 'q' is down") },
      ["error: a node of the broker is away: queue 'q' is down"],
    ],
    [
      'exists otherwise',
      { refusal: new TwqError('TWQ_QUEUE_MISMATCH', 'queue "q" exists with x-max-priority 5') },
      ['warning: queue "q" exists with x-max-priority 5'],
    ],
    [
      'has not what the configuration says itself',
      {
        queue: { ...plainQueue('q'), stated: ['x-max-priority'] },
        refusal: new TwqError('TWQ_QUEUE_MISMATCH', 'queue "q" exists with x-max-priority 5', {
          cause: new Error(
            `406 (PRECONDITION_FAILED) with message "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received none but current is the value '5' of type 'signedint'"`,
          ),
        }),
      },
      ['error: queue "q" exists with x-max-priority 5'],
    ],
    [
      'may not be declared',
      { refusal: new TwqError('TWQ_BROKER_PERMISSION', 'the broker refused') },
      ['error: the broker refused'],
    ],
    ['fills up', { status: status('q', 3, 0) }, ['warning: 3 messages ready, and no consumer']],
    ['has set something aside', { quarantine: status('q.quarantine', 1, 0) }, ['warning: 1 message in q.quarantine']],
    ['has suspects', { suspects: status('q.suspects', 2, 0) }, ['warning: 2 messages in q.suspects, and no consumer']],
    ['drops what comes back', { managed: quorum }, ['warning: a quorum queue without a dead-letter exchange']],
    ['has a dead-letter exchange', { managed: { ...quorum, arguments: { 'x-dead-letter-exchange': '' } } }, []],
    ['has a policy', { managed: { ...quorum, policy: 'dlx' } }, []],
  ])('that %s', (_, over, found) => {
    expect(complaints(judgeQueue(facts(over)))).toEqual(found)
  })
})

describe('the workers of the broker', () => {
  const ours = { node: 'twq@here', tasks: ['add', 'mul'], queues: ['q'] }
  const aWorker = (over: Partial<WorkerFacts>): WorkerFacts => ({
    node: 'w@h',
    tasks: ['add', 'mul', 'celery.chord'],
    queues: ['q'],
    listeners: 1,
    aheadBy: 3,
    ...over,
  })

  it.each<[string, Partial<WorkerFacts>, readonly string[]]>([
    ['fit', {}, []],
    ['share a name', { listeners: 2 }, ['warning: 2 workers have this name']],
    ['are ahead', { aheadBy: 60_000 }, ["warning: its clock is 60 s ahead of this machine's"]],
    ['are behind', { aheadBy: -60_000 }, ["warning: its clock is 60 s behind this machine's"]],
    ['were not heard', { aheadBy: undefined }, []],
    [
      'have other tasks',
      { tasks: ['add', 'sub'] },
      ['warning: it has tasks that this configuration has not: sub', 'warning: it has not the tasks mul'],
    ],
    ['have other tasks on another queue', { tasks: [], queues: ['other'] }, []],
  ])('%s', (_, over, found) => {
    expect(complaints(judgeWorkers([aWorker(over)], ours))).toEqual(found)
  })

  it('may be none', () => {
    expect(complaints(judgeWorkers([], ours))).toEqual([])
  })
})
