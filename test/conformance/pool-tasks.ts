import { AsyncResource } from 'node:async_hooks'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentTask } from '../../src/current.ts'
import type { TwqError } from '../../src/errors.ts'
import type { RemoteTaskError } from '../../src/protocol/result/remote-task-error.ts'
import { Reject } from '../../src/tasks/attempt/control-flow.ts'
import { CANVAS_BRAND } from '../../src/tasks/brand.ts'
import type { TaskContext } from '../../src/tasks/context.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Canvas, GroupHandle } from '../../src/tasks/sending.ts'

/** The tasks of the pool conformance suite, loaded by the pool itself and by every member of it. */

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

/** Its own context, as code deep below finds it after a wait, and in a callback. */
const current = defineTask({
  name: 'current',
  async run(_args: object, ctx) {
    await sleep(1)
    const inCallback = await new Promise<string | undefined>((resolve) =>
      setTimeout(() => resolve(currentTask()?.idempotencyKey), 1),
    )
    return [currentTask() === ctx, inCallback]
  },
})

/** What Node warns of while many parts of a task listen to its signal. */
const listeners = defineTask({
  name: 'listeners',
  async run(_args: object, { signal }) {
    const warnings: string[] = []
    const warned = ({ name }: Error): void => void warnings.push(name)
    process.on('warning', warned)
    for (let n = 0; n < 20; n += 1) signal.addEventListener('abort', () => {})
    await sleep(1)
    process.off('warning', warned)
    return warnings
  },
})

const echo = defineTask({ name: 'echo', positional: ['value'], run: ({ value }: { value: unknown }) => value })

/** Whether what it is given, and what is in there, are objects like those of the task's own code. */
const usual = defineTask({
  name: 'usual',
  positional: ['value'],
  run: (args: { value: { readonly inner: object } }) =>
    [args, args.value, args.value.inner].every((object) => Object.getPrototypeOf(object) === Object.prototype),
})

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
  toJSON(): string {
    return `${this.cents / 100} EUR`
  }
}

const price = defineTask({ name: 'price', run: () => ({ total: new Money(250) }) })

const unspeakable = defineTask({ name: 'unspeakable', run: () => (() => 1) as unknown })

const endless = defineTask({
  name: 'endless',
  positional: ['what'],
  run({ what }: { what: string }): unknown {
    const deeper = (): object => ({ toJSON: deeper })
    const cycle: unknown[] = []
    cycle.push(cycle)
    switch (what) {
      case 'array':
        return new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 32 - 1 : 0) })
      case 'depth':
        return deeper()
      case 'cycle':
        return cycle
      case 'errors':
        throw new AggregateError(Array.from({ length: 10_000 }, () => new Error('one of many')))
      default:
        throw new Error('x'.repeat(50_000_000))
    }
  },
})

const fail = defineTask({
  name: 'fail',
  positional: ['message'],
  run: ({ message }: { message: string }) => {
    throw new RangeError(message)
  },
})

const reject = defineTask({
  name: 'reject',
  run: () => {
    throw new Reject('not mine', { requeue: true })
  },
})

const again = defineTask({
  name: 'again',
  run: (_: object, ctx) => ctx.retry({ countdown: '10s', cause: new Error('busy') }),
})

const progress = defineTask({
  name: 'progress',
  async run(_: object, ctx) {
    await ctx.progress({ done: 1 })
    await ctx.updateState('CUSTOM', { at: new Date(0) })
    return 'done'
  },
})

const unstorable = defineTask({
  name: 'unstorable',
  run: (_: object, ctx) => ctx.progress({ f: Symbol('x') } as never),
})

const send = defineTask({
  name: 'send',
  async run(_: object, ctx) {
    const handle = await ctx.send(add, { x: 1, y: 2 }, { queue: 'other' })
    return handle.id
  },
})

const readResult = defineTask({
  name: 'read-result',
  async run(_: object, ctx) {
    const handle = await ctx.send('add', [1, 2])
    return [await handle.state(), await handle.result({ timeout: '5s' })]
  },
})

const readFailure = defineTask({
  name: 'read-failure',
  async run(_: object, ctx) {
    const handle = await ctx.send('fail')
    const failure = (await handle.result().catch((error: unknown) => error)) as TwqError
    return [failure.code, failure.message, (failure.cause as RemoteTaskError).type]
  },
})

/** What is in it makes no difference here. */
const someGroup = { [CANVAS_BRAND]: true, toJSON: () => ({}), '~handle': undefined } as Canvas<GroupHandle>

const readGroup = defineTask({
  name: 'read-group',
  async run(_: object, ctx) {
    const group = await ctx.send(someGroup)
    const settled = await group.settled()
    const codes = settled.map((one) => (one.status === 'rejected' ? (one.reason as TwqError).code : one.value))
    return [group.handles.length, await group.completed(), codes, await group.handles[0]?.result()]
  },
})

const followStates = defineTask({
  name: 'follow-states',
  async run(_: object, ctx) {
    for await (const _state of (await ctx.send('add', [1, 2])).states()) break
  },
})

/** Ends while it still waits for what it sent. */
const leaveWaiting = defineTask({
  name: 'leave-waiting',
  async run(_: object, ctx) {
    const handle = await ctx.send('silent')
    handle.result().catch(() => {})
  },
})

const log = defineTask({
  name: 'log',
  run: (_: object, ctx) => {
    ctx.log.warn({ error: new TypeError('odd'), n: 1 }, 'something odd')
    return ctx.log.isLevelEnabled('debug')
  },
})

/** Waits for its signal, and tells why that came. */
const wait = defineTask({
  name: 'wait',
  async run(_: object, ctx) {
    await untilAborted(ctx)
    return (ctx.signal.reason as { code: string }).code
  },
})

/** Lets the abort escape. */
const waitAndThrow = defineTask({
  name: 'wait-and-throw',
  async run(_: object, ctx) {
    await sleep(600_000, undefined, { signal: ctx.signal })
  },
})

/** Never ends, and gives the event loop to others meanwhile. */
const stubborn = defineTask({ name: 'stubborn', run: () => sleep(600_000, undefined, { ref: false }) })

/** Never ends, and gives nothing to anybody: only where it can be ended. */
const spin = defineTask({
  name: 'spin',
  run: () => {
    for (;;);
  },
})

/** Waits until `count` attempts wrote to the file: ends only where so many run at once. */
const meet = defineTask({
  name: 'meet',
  positional: ['file', 'count'],
  async run({ file, count }: { file: string; count: number }, ctx) {
    appendFileSync(file, `${ctx.id}\n`)
    const { readFileSync } = await import('node:fs')
    while (readFileSync(file, 'utf8').split('\n').length <= count) await sleep(5)
    return count
  },
})

let attempts = 0
/** Which member runs it, and the how manieth attempt there it is. */
const count = defineTask({
  name: 'count',
  run: async () => {
    const { threadId } = await import('node:worker_threads')
    attempts += 1
    return { member: `${process.pid}.${threadId}`, attempts }
  },
})

const kept: Uint8Array[] = []
const leak = defineTask({
  name: 'leak',
  run: () => {
    kept.push(new Uint8Array(64 * 1024 * 1024).fill(1))
  },
})

/** Says by the port of its process, or of its thread, what the pool has not asked for. */
const babble = defineTask({
  name: 'babble',
  run: async () => {
    const { parentPort } = await import('node:worker_threads')
    const say = (message: unknown): void => {
      if (parentPort === null) process.send?.(message)
      else parentPort.postMessage(message)
    }
    for (const message of [null, 'ready', 7, [], { kind: 'log', line: '{' }, { kind: 'ended', outcome: '{' }])
      say(message)
    return 'said'
  },
})

/** Ends whatever it runs in. */
const exit = defineTask({ name: 'exit', run: () => process.exit(3) })
const kill = defineTask({
  name: 'kill',
  run: () => {
    process.kill(process.pid, 'SIGKILL')
    for (;;);
  },
})

const throwLater = defineTask({
  name: 'throw-later',
  run: async () => {
    setImmediate(() => {
      throw new RangeError('nobody catches this')
    })
    await sleep(600_000, undefined, { ref: false })
  },
})

let left = () => {}
/** Leaves behind what comes to nothing while another runs. */
const litter = defineTask({
  name: 'litter',
  positional: ['what'],
  run: ({ what }: { what: 'exception' | 'rejection' }) => {
    left = AsyncResource.bind(() => {
      const late = new RangeError(`left behind: ${what}`)
      if (what === 'rejection') void Promise.reject(late)
      else {
        setImmediate(() => {
          throw late
        })
      }
    })
  },
})
/** Throws where nobody catches it, once its attempt is over and its member idle. */
const relapse = defineTask({
  name: 'relapse',
  run: () => {
    setTimeout(() => {
      throw new RangeError('nobody catches this')
    }, 20)
  },
})

const tread = defineTask({
  name: 'tread',
  run: async () => {
    left()
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    return `${process.pid}`
  },
})

export const poolTasks = [
  add,
  current,
  echo,
  usual,
  price,
  unspeakable,
  endless,
  listeners,
  fail,
  reject,
  again,
  progress,
  unstorable,
  send,
  readResult,
  readFailure,
  readGroup,
  followStates,
  leaveWaiting,
  log,
  wait,
  waitAndThrow,
  stubborn,
  spin,
  meet,
  count,
  leak,
  babble,
  exit,
  kill,
  throwLater,
  litter,
  relapse,
  tread,
]

function untilAborted({ signal }: TaskContext): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
