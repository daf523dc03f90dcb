import { describe, expect, it } from 'vitest'
import type { Destination, Routes } from '../../src/protocol/queue/routes.ts'
import { plainQueue, type TaskQueue } from '../../src/protocol/queue/task-queue.ts'
import { createRouter, type RouterOptions } from '../../src/sending/router.ts'

const topic: TaskQueue = {
  ...plainQueue('events'),
  exchange: { ...plainQueue('events').exchange, name: 'bus', type: 'topic' },
  routingKey: 'events.#',
}

function addressOf(task: string, routes?: Routes, wanted: Destination = {}, over: Partial<RouterOptions> = {}) {
  return createRouter({ queues: [topic], routes, defaultQueue: 'celery', ...over }).address(task, [1], wanted)
}

const queueOf = (task: string, routes: Routes, wanted?: Destination) => addressOf(task, routes, wanted).queue

describe('the queue of a task', () => {
  it.each<[string, Routes | undefined, string]>([
    ['add', undefined, 'celery'],
    ['add', {}, 'celery'],
    ['add', { add: 'math' }, 'math'],
    ['reports.daily', { 'reports.*': 'reports' }, 'reports'],
    ['reports.daily', { '*': 'all', 'reports.*': 'reports' }, 'all'],
    ['reports.daily', { 'reports.*': 'reports', 'reports.daily': { queue: 'daily' } }, 'daily'],
    ['reports.x1', { 'reports.[xy]?': 'xy' }, 'xy'],
    ['toString', { add: 'math' }, 'celery'],
    ['add', (name) => (name === 'add' ? 'math' : undefined), 'math'],
    ['mul', (name) => (name === 'add' ? 'math' : undefined), 'celery'],
    ['add', [() => undefined, { add: { queue: 'first' } }, () => 'second'], 'first'],
  ])('%s with %o goes to %s', (task, routes, queue) => {
    expect(queueOf(task, routes ?? {})).toBe(queue)
  })

  it('is the one that the caller names, whatever the routes say', () => {
    expect(queueOf('add', { add: 'math' }, { queue: 'own' })).toBe('own')
  })

  it('may depend on the arguments, and on what the caller says', () => {
    const bySize: Routes = (_, args, { priority }) => `${Array.isArray(args) ? args.length : 0}-${priority}`
    expect(queueOf('add', bySize, { priority: 3 })).toBe('1-3')
  })

  it('is none for a function that answers nonsense', () => {
    expect(() => queueOf('add', (() => ({ queu: 'x' })) as unknown as Routes)).toThrow(
      'the return value of a route function for add.queu is not a setting; did you mean queue?',
    )
  })
})

describe('where it is published', () => {
  it.each<[string, Destination, { exchange: string; routingKey: string }]>([
    ['to the queue itself where its exchange is direct', {}, { exchange: '', routingKey: 'celery' }],
    ['as in Celery, whatever the key', { routingKey: 'x' }, { exchange: '', routingKey: 'celery' }],
    [
      'to the exchange of the queue where that is none',
      { queue: 'events' },
      { exchange: 'bus', routingKey: 'events.#' },
    ],
    [
      'with the key given',
      { queue: 'events', routingKey: 'events.new' },
      { exchange: 'bus', routingKey: 'events.new' },
    ],
    ['to the exchange given', { exchange: 'x', routingKey: 'k' }, { exchange: 'x', routingKey: 'k' }],
    ['to it with the key of the queue', { exchange: 'x' }, { exchange: 'x', routingKey: 'celery' }],
  ])('%s: %o', (_, wanted, route) => {
    expect(addressOf('add', undefined, wanted).route).toEqual(route)
  })

  it('takes exchange and key from the route, unless the caller names another queue', () => {
    const routes = { add: { queue: 'events', routingKey: 'events.add' } }
    expect(addressOf('add', routes).route).toEqual({ exchange: 'bus', routingKey: 'events.add' })
    expect(addressOf('add', routes, { queue: 'own' }).route).toEqual({ exchange: '', routingKey: 'own' })
  })
})

it("has the caller's priority, else the route's, else the default", () => {
  const routes = { add: { priority: 5 } }
  expect(addressOf('add', routes, { priority: 7 }).priority).toBe(7)
  expect(addressOf('add', routes).priority).toBe(5)
  expect(addressOf('mul', routes, {}, { defaultPriority: 1 }).priority).toBe(1)
  expect(addressOf('mul', routes).priority).toBeUndefined()
})
