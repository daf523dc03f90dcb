import { expect, it } from 'vitest'
import { plainQueue } from '../../../src/protocol/queue/task-queue.ts'
import { lostPriorities, type PriorityFacts } from '../../../src/worker/lifecycle/lost-priorities.ts'

const ordered = { ...plainQueue('ordered'), arguments: { 'x-max-priority': 10 } }
const quorum = { ...plainQueue('quorum'), arguments: { 'x-queue-type': 'quorum' } }

function judge(
  facts: Partial<PriorityFacts['config']> & Partial<Omit<PriorityFacts, 'config'>>,
): Record<string, string[]> {
  const { tasks = [], prioritized = new Set<string>(), quorumHeeds = false, ...config } = facts
  const lost = lostPriorities({
    config: {
      knownQueues: [plainQueue('plain'), ordered],
      defaultQueue: 'plain',
      routes: undefined,
      defaultPriority: undefined,
      ...config,
    },
    tasks,
    prioritized,
    quorumHeeds,
  })
  return Object.fromEntries(lost.map(({ queue, givenBy }) => [queue, [...givenBy]]))
}

it.each<[string, Parameters<typeof judge>[0], Record<string, string[]>]>([
  ['nobody gives one', { tasks: [{ name: 't', settings: {} }] }, {}],
  ['a task', { tasks: [{ name: 't', settings: { priority: 5 } }] }, { plain: ['task t'] }],
  [
    'a task in a quorum queue that heeds none',
    { knownQueues: [quorum], tasks: [{ name: 't', settings: { priority: 5, queue: 'quorum' } }] },
    { quorum: ['task t'] },
  ],
  [
    'a task in a quorum queue of RabbitMQ 4',
    { knownQueues: [quorum], quorumHeeds: true, tasks: [{ name: 't', settings: { priority: 5, queue: 'quorum' } }] },
    {},
  ],
  ['a task that asks for the lowest', { tasks: [{ name: 't', settings: { priority: 0 } }] }, {}],
  ['a task in a queue with priorities', { tasks: [{ name: 't', settings: { priority: 5, queue: 'ordered' } }] }, {}],
  [
    'a task in a queue that nothing is known of',
    { tasks: [{ name: 't', settings: { priority: 5, queue: 'other' } }] },
    { other: ['task t'] },
  ],
  [
    'a task that a route sends to a queue with priorities',
    { tasks: [{ name: 'a.t', settings: { priority: 5 } }], routes: { 'a.*': 'ordered' } },
    {},
  ],
  [
    'a task that a route sends to one without',
    { tasks: [{ name: 'a.t', settings: { priority: 5 } }], routes: [{ 'a.*': 'plain' }], defaultQueue: 'ordered' },
    { plain: ['task a.t'] },
  ],
  [
    'a task that a function may send anywhere',
    { tasks: [{ name: 't', settings: { priority: 5 } }], routes: () => undefined },
    {},
  ],
  ['a route beside a function', { routes: [() => undefined, { a: { priority: 3 } }] }, { plain: ['route a'] }],
  ['a route', { routes: { 'a.*': { queue: 'plain', priority: 3 } } }, { plain: ['route a.*'] }],
  ['a route to the default queue', { routes: { 'a.*': { priority: 3 } } }, { plain: ['route a.*'] }],
  ['a route to a queue with priorities', { routes: { 'a.*': { queue: 'ordered', priority: 3 } } }, {}],
  ['a route past all queues', { routes: { 'a.*': { exchange: 'bus', priority: 3 } } }, {}],
  ['the default', { defaultPriority: 4 }, { plain: ['defaultPriority'] }],
  [
    'the default, where the broker has the queue with priorities',
    { defaultPriority: 4, prioritized: new Set(['plain']) },
    {},
  ],
  [
    'several',
    { defaultPriority: 4, routes: { a: { priority: 1 } }, tasks: [{ name: 't', settings: { priority: 5 } }] },
    { plain: ['task t', 'route a', 'defaultPriority'] },
  ],
])('finds priorities without effect: %s', (_title, facts, lost) => {
  expect(judge(facts)).toEqual(lost)
})
