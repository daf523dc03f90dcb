import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { TwqError } from '../../src/errors.ts'
import { openKind } from '../../src/pool/open-kind.ts'
import type { Pool, RunOptions } from '../../src/pool/pool.ts'
import type { PoolKind } from '../../src/pool/pool-kind.ts'
import { RemoteTaskError } from '../../src/protocol/result/remote-task-error.ts'
import type { State } from '../../src/protocol/result-record.ts'
import type { TaskMessage } from '../../src/protocol/task-message.ts'
import { createLogger, type EventLogger } from '../../src/runtime/log/logger.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { type Deferred, deferred } from '../../src/runtime/time/deferred.ts'
import type { Outcome } from '../../src/tasks/attempt/outcome.ts'
import type { ResultOptions, Send } from '../../src/tasks/sending.ts'
import type { AnyTask } from '../../src/tasks/task.ts'
import type { TimeLimits } from '../../src/tasks/time-limits.ts'
import { aRequest } from '../support/a-request.ts'
import { aTaskMessage } from '../support/a-task-message.ts'
import { anInvocation } from '../support/attempts.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { Journal } from '../support/until.ts'
import { poolTasks } from './pool-tasks.ts'

/** What a test asks of the pool it opens. */
export interface PoolSetting {
  readonly size: number
  readonly logger: EventLogger
  readonly lookup: (name: string) => AnyTask | undefined
  readonly sendFor: (message: TaskMessage) => Send
  readonly limitsFor: (message: TaskMessage) => TimeLimits | undefined
  readonly hostModule: string
  readonly setup: unknown
  readonly taskNames: readonly string[]
  readonly maxTasksPerChild?: number
  readonly maxMemoryPerChild?: number
  readonly maxResultSize?: number
}

/** A kind of pool. */
export interface PoolSubject {
  readonly kind: string
  /** How many attempts it is made to run at once. */
  readonly atOnce: number
  /** What runs attempts: nobody in particular, or members that can be ended. */
  readonly members: 'none' | 'threads' | 'processes'
  /** What its members load; the sources of pool-host.ts unless said otherwise. */
  readonly hostModule?: string
  open(setting: PoolSetting): Pool
}

/** What opens a pool of a kind as the worker does. */
export function subjectOf(kind: PoolKind): Pick<PoolSubject, 'kind' | 'open'> {
  return {
    kind: kind.name,
    open: (setting) => openKind(kind, { ...setting, needsWorker: () => false, clock: systemClock }),
  }
}

interface LogLine {
  readonly event?: string
  readonly msg: string
  readonly [field: string]: unknown
}

/** A pool with a record of what it said. */
interface Scene {
  readonly pool: Pool
  readonly log: Journal<LogLine>
  /** How waits for results ended in the worker. */
  readonly waits: Journal<string>
  readonly sent: { readonly parent: string; readonly name: string; readonly args: unknown; readonly options: unknown }[]
}

/** An attempt under way. */
interface Run {
  readonly outcome: Promise<Outcome>
  readonly started: Promise<number>
  readonly states: (readonly [State, unknown])[]
  abort(code: 'TWQ_SHUTTING_DOWN' | 'TWQ_SOFT_LIMIT'): void
}

const SHUTDOWN = 'the worker is shutting down'
// The results of the suite's tasks are smaller.
const MOST = 1_000

/** What every pool promises. */
export function poolConformance(subject: PoolSubject): void {
  const { kind, atOnce, members } = subject

  describe(`a pool of kind ${kind}`, () => {
    let scene: Scene
    beforeAll(async () => {
      scene = open(subject, { maxResultSize: MOST })
      await scene.pool.start()
    })
    afterAll(() => scene.pool.stop({ deadline: new AbortController().signal }))
    const run = (task: string, args: readonly unknown[] = [], over: Partial<TaskMessage> = {}): Run =>
      start(scene.pool, task, args, over)
    const outcomeOf = (...call: Parameters<typeof run>): Promise<Outcome> => run(...call).outcome

    it('says what kind it is', () => {
      expect(scene.pool.kind).toBe(kind)
      expect(scene.pool.onEventLoop).toBe(members === 'none')
    })

    it('runs a task and answers with what it returns', async () => {
      expect(await outcomeOf('add', [1, 2])).toEqual({ kind: 'succeeded', result: 3, runtime: expect.any(Number) })
    })

    it('says that the task starts, and in which process', async () => {
      const attempt = run('add', [1, 2])
      const pid = await attempt.started
      expect(pid === process.pid).toBe(members !== 'processes')
      expect(scene.pool.stats?.().pids).toContain(pid)
      await attempt.outcome
    })

    it('has code below a task find its context, among others that run', async () => {
      const ids = ['c1', 'c2', 'c3'].slice(0, atOnce)
      const outcomes = await Promise.all(ids.map((id) => outcomeOf('current', [], { id })))
      expect(outcomes).toMatchObject(ids.map((id) => ({ kind: 'succeeded', result: [true, id] })))
    })

    it.each([
      ['text', 'žluťoučký kůň 🐎'],
      ['an integer beyond 2^53', 2n ** 64n],
      ['a date', new Date(1_700_000_000_123)],
      ['bytes', new Uint8Array([0, 1, 255])],
      ['no number', Number.NaN],
      ['nothing', null],
      ['lists and objects', { list: [1, [2, { three: 3 }]], __proto__: null }],
    ])('hands %s to the task and back unchanged', async (_what, value) => {
      expect(await outcomeOf('echo', [value])).toMatchObject({ kind: 'succeeded', result: value })
    })

    it('gives a task objects like those of its own code', async () => {
      const bare = (members: object) => Object.assign(Object.create(null), members)
      expect(await outcomeOf('usual', [bare({ inner: bare({}) })])).toMatchObject({ result: true })
    })

    it('answers with what JSON makes of a result', async () => {
      const outcome = await outcomeOf('price')
      expect(JSON.parse(JSON.stringify(outcome))).toMatchObject({ kind: 'succeeded', result: { total: '2.5 EUR' } })
    })

    it('fails a task whose result has no JSON form', async () => {
      expect(await outcomeOf('unspeakable')).toMatchObject({ kind: 'failed', error: { type: 'EncodeError' } })
    })

    it('fails a task whose result is larger than maxResultSize', async () => {
      const fitting = 'x'.repeat(MOST - 2)
      expect(await outcomeOf('echo', [fitting])).toMatchObject({ kind: 'succeeded' })
      expect(await outcomeOf('echo', [fitting.replace('x', 'é')])).toMatchObject({
        kind: 'failed',
        error: {
          type: 'EncodeError',
          args: [
            `the task's result can't be sent: result has more than the ${MOST} bytes of JSON that maxResultSize allows; ` +
              'store it elsewhere and give a reference to it, or raise maxResultSize',
          ],
        },
      })
    })

    it.each(['array', 'depth', 'cycle', 'errors', 'message'])(
      'fails a task that gives back no end of %s',
      async (what) => {
        const outcome = await outcomeOf('endless', [what])
        expect(outcome).toMatchObject({ kind: 'failed' })
        expect('error' in outcome && JSON.stringify(outcome.error).length).toBeLessThan(200_000)
        expect(await outcomeOf('add', [1, 2])).toMatchObject({ kind: 'succeeded', result: 3 })
      },
    )

    it('fails a task that throws, with its traceback', async () => {
      const error = { type: 'RangeError', args: ['too far'], traceback: expect.stringContaining('pool-tasks') }
      expect(await outcomeOf('fail', ['too far'])).toMatchObject({ kind: 'failed', error })
    })

    it('fails a task whose arguments do not fit', async () => {
      expect(await outcomeOf('add', [1])).toMatchObject({ kind: 'failed', error: { type: 'TypeError' } })
    })

    it('hears what a task asks for by throwing', async () => {
      expect(await outcomeOf('reject')).toMatchObject({ kind: 'rejected', requeue: true })
      expect(await outcomeOf('again')).toMatchObject({ kind: 'retry', error: { args: ['busy'] } })
    })

    it('passes on the states that a task stores, before its outcome', async () => {
      const attempt = run('progress')
      expect(await attempt.outcome).toMatchObject({ kind: 'succeeded', result: 'done' })
      expect(attempt.states).toEqual([
        ['PROGRESS', { done: 1 }],
        ['CUSTOM', { at: new Date(0) }],
      ])
    })

    it('tells a task why its state could not be stored', async () => {
      const invocation = anInvocation({ message: aTaskMessage({ task: 'progress' }) })
      const onState = () => Promise.reject(new TwqError('TWQ_PUBLISH_OVERFLOW', 'too many messages wait'))
      const outcome = await scene.pool.run(invocation, { signal: new AbortController().signal, onState })
      expect(outcome).toMatchObject({ kind: 'failed', error: { args: ['too many messages wait'] } })
    })

    it('sends the tasks that a task sends, as its children', async () => {
      expect(await outcomeOf('send', [], { id: 'the-parent' })).toMatchObject({ kind: 'succeeded', result: 'sent-id' })
      expect(scene.sent).toEqual([
        { parent: 'the-parent', name: 'add', args: { x: 1, y: 2 }, options: { queue: 'other' } },
      ])
    })

    it("writes a task's log lines to the worker's log, and knows its level", async () => {
      expect(await outcomeOf('log', [], { id: 'logging' })).toMatchObject({ result: false })
      const line = await scene.log.until(({ msg }) => msg === 'something odd')
      expect(line).toMatchObject({ level: 'warn', task_id: 'logging', task: 'log', n: 1, error: { message: 'odd' } })
    })

    it('lets any number of parts of a task listen to its signal', async () => {
      expect(await outcomeOf('listeners')).toMatchObject({ kind: 'succeeded', result: [] })
    })

    it("aborts a task's signal with the reason", async () => {
      const attempt = run('wait')
      await attempt.started
      attempt.abort('TWQ_SHUTTING_DOWN')
      expect(await attempt.outcome).toMatchObject({ kind: 'succeeded', result: 'TWQ_SHUTTING_DOWN' })
    })

    it('interrupts a task that lets the abort of a shutdown escape', async () => {
      const attempt = run('wait-and-throw')
      await attempt.started
      attempt.abort('TWQ_SHUTTING_DOWN')
      expect(await attempt.outcome).toEqual({ kind: 'interrupted' })
    })

    it('starts nothing when its signal was aborted by a shutdown before', async () => {
      const attempt = run('add', [1, 2])
      await attempt.outcome
      const aborted = AbortSignal.abort(new TwqError('TWQ_SHUTTING_DOWN', SHUTDOWN))
      const invocation = anInvocation({ message: aTaskMessage({ task: 'add', args: [1, 2] }) })
      expect(await scene.pool.run(invocation, { signal: aborted, onState: async () => {} })).toEqual({
        kind: 'interrupted',
      })
    })

    it('aborts the signal at the soft limit', async () => {
      expect(await outcomeOf('wait', [], soft(50))).toMatchObject({ kind: 'succeeded', result: 'TWQ_SOFT_LIMIT' })
      expect(await outcomeOf('wait-and-throw', [], soft(50))).toMatchObject({
        kind: 'failed',
        error: { type: 'SoftTimeLimitExceeded', module: 'billiard.exceptions' },
      })
    })

    it('answers at the hard limit for a task that does not end, and goes on with others', async () => {
      const outcome = await outcomeOf('stubborn', [], hard(50))
      expect(outcome).toMatchObject({ kind: 'timed-out', limit: 50, error: { args: [0.05] } })
      expect(await outcomeOf('add', [1, 2])).toMatchObject({ kind: 'succeeded', result: 3 })
    })

    it(`runs ${atOnce} at once`, async () => {
      const file = join(tempFolder(), 'here')
      const attempts = Array.from({ length: atOnce }, (_, i) => outcomeOf('meet', [file, atOnce], { id: `m-${i}` }))
      for (const outcome of await Promise.all(attempts)) expect(outcome).toMatchObject({ kind: 'succeeded' })
    })

    it('fails a task that it does not have', async () => {
      const error = { type: 'NotRegistered', args: ['nobody'] }
      expect(await outcomeOf('nobody')).toMatchObject({ kind: 'failed', error })
    })
  })

  describe(`a pool of kind ${kind} that stops`, () => {
    it('starts nothing more, and waits for what runs', async () => {
      const { pool } = open(subject)
      await pool.start()
      const attempt = start(pool, 'wait')
      await attempt.started
      const stopped = pool.stop({ deadline: new AbortController().signal })
      expect(await start(pool, 'add', [1, 2]).outcome).toEqual({ kind: 'interrupted' })
      attempt.abort('TWQ_SHUTTING_DOWN')
      expect(await attempt.outcome).toMatchObject({ kind: 'succeeded' })
      await stopped
    })

    it('waits no longer than its deadline', async () => {
      const { pool } = open(subject)
      await pool.start()
      const attempt = start(pool, 'stubborn')
      await attempt.started
      const deadline = new AbortController()
      const stopped = pool.stop({ deadline: deadline.signal })
      deadline.abort()
      await stopped
      if (members !== 'none') expect(await attempt.outcome).toEqual({ kind: 'interrupted' })
    })
  })

  if (members !== 'none') memberConformance(subject)
}

/** What a pool promises besides when it consists of members. */
function memberConformance(subject: PoolSubject): void {
  const { kind, members } = subject

  describe(`the members of a pool of kind ${kind}`, () => {
    // Its one member is there again after whatever became of the one before.
    let scene: Scene
    beforeAll(async () => {
      scene = open(subject, { size: 1 })
      await scene.pool.start()
    })
    afterAll(() => scene.pool.stop({ deadline: AbortSignal.abort() }))

    it('are all there once it has started', async () => {
      const { pool, log } = await started(subject, { size: 2 })
      const where = await Promise.all([start(pool, 'count').outcome, start(pool, 'count').outcome])
      expect(new Set(where.map(memberOf)).size).toBe(2)
      expect(log.entries).toEqual([])
    })

    it('end at the hard limit even where they never look up', async () => {
      const { pool } = scene
      const attempt = start(pool, 'spin', [], hard(100))
      await attempt.started
      expect(await attempt.outcome).toMatchObject({ kind: 'timed-out', limit: 100 })
      expect(await start(pool, 'add', [1, 2]).outcome).toMatchObject({ kind: 'succeeded' })
      expect(pool.stats?.().abandoned).toBe(0)
    })

    it.each([
      { task: 'exit', how: 'exitcode 3' },
      // A thread that kills kills the whole process.
      ...(members === 'processes' ? [{ task: 'kill', how: 'signal 9 (SIGKILL)' }] : []),
    ])('are replaced when a task ends them by $task, and the attempt is lost', async ({ task, how }) => {
      const { pool } = scene
      const text = `Worker exited prematurely: ${how}.`
      expect(await start(pool, task).outcome).toEqual({
        kind: 'lost',
        error: { type: 'WorkerLostError', module: 'billiard.exceptions', args: [text], traceback: null },
      })
      expect(await start(pool, 'add', [1, 2]).outcome).toMatchObject({ kind: 'succeeded', result: 3 })
    })

    it('may say to the worker what they like, which hears only what the pool says', async () => {
      const { pool } = scene
      expect(await start(pool, 'babble').outcome).toMatchObject({ kind: 'succeeded', result: 'said' })
      expect(await start(pool, 'add', [1, 2]).outcome).toMatchObject({ kind: 'succeeded', result: 3 })
    })

    it('are replaced after an error that nobody caught, which fails the attempt', async () => {
      const { pool } = scene
      expect(await start(pool, 'throw-later').outcome).toMatchObject({
        kind: 'failed',
        error: { type: 'RangeError', args: ['nobody catches this'] },
      })
      expect(await start(pool, 'add', [1, 2]).outcome).toMatchObject({ kind: 'succeeded' })
    })

    it('are replaced after an error that an attempt left behind, and the one that runs ends first', async () => {
      const { pool, log } = await started(subject)
      const before = memberOf(await start(pool, 'count').outcome)
      await start(pool, 'litter', ['exception']).outcome
      expect(await start(pool, 'tread').outcome).toMatchObject({ kind: 'succeeded' })
      await log.until(({ event }) => event === 'pool.member-crashed')
      expect(memberOf(await start(pool, 'count').outcome)).not.toBe(before)
    })

    it('get no attempt any more once they were killed for an error while they were idle', async () => {
      const { pool, log } = await started(subject)
      await start(pool, 'relapse').outcome
      await log.until(({ event }) => event === 'pool.member-crashed')
      expect(await start(pool, 'add', [1, 2]).outcome).toMatchObject({ kind: 'succeeded', result: 3 })
    })

    it('go on after a rejection that nobody awaits', async () => {
      const { pool, log } = await started(subject)
      const before = memberOf(await start(pool, 'count').outcome)
      await start(pool, 'litter', ['rejection']).outcome
      expect(await start(pool, 'tread').outcome).toMatchObject({ kind: 'succeeded' })
      await log.until(({ event }) => event === 'process.unhandled-rejection')
      expect(memberOf(await start(pool, 'count').outcome)).toBe(before)
    })

    it('leave after maxTasksPerChild attempts', async () => {
      const { pool } = await started(subject, { maxTasksPerChild: 2 })
      const seen: unknown[] = []
      for (let i = 0; i < 5; i++) seen.push(await start(pool, 'count').outcome)
      expect(seen).toMatchObject([1, 2, 1, 2, 1].map((attempts) => ({ result: { attempts } })))
      expect(new Set(seen.map((outcome) => memberOf(outcome as Outcome))).size).toBe(3)
    })

    it('leave when they hold more than maxMemoryPerChild', async () => {
      const { pool, log } = await started(subject, { maxMemoryPerChild: LARGE })
      const first = memberOf(await start(pool, 'count').outcome)
      for (let i = 0; i < 5; i++) await start(pool, 'leak').outcome
      await log.until(({ event }) => event === 'pool.member-too-large')
      let now = first
      while (now === first) now = memberOf(await start(pool, 'count').outcome)
      expect(now).not.toBe(first)
    })

    it('grow and become fewer, and what runs goes on', async () => {
      const { pool } = await started(subject, { size: 1 })
      pool.resize?.(3)
      const blocked = [start(pool, 'wait'), start(pool, 'wait'), start(pool, 'wait')]
      const where = await Promise.all(blocked.map(({ started }) => started))
      if (members === 'processes') expect(new Set(where).size).toBe(3)
      pool.resize?.(1)
      for (const { abort } of blocked) abort('TWQ_SOFT_LIMIT')
      for (const { outcome } of blocked) expect(await outcome).toMatchObject({ kind: expect.any(String) })
      const seen = new Set<unknown>()
      for (let i = 0; i < 4; i++) seen.add(memberOf(await start(pool, 'count').outcome))
      expect(seen.size).toBe(1)
    })

    it('are replaced by a restart, one after the other', async () => {
      const { pool, log } = await started(subject, { size: 2 })
      const before = await Promise.all([start(pool, 'count').outcome, start(pool, 'count').outcome])
      await pool.restart?.()
      const after = await Promise.all([start(pool, 'count').outcome, start(pool, 'count').outcome])
      expect(new Set([...before, ...after].map(memberOf)).size).toBe(4)
      expect(log.entries).toEqual([])
    })

    it('become fewer also while one that is idle is being replaced', async () => {
      const { pool } = await started(subject, { size: 2 })
      // The first one is replaced first, and is now the last to be used again.
      await start(pool, 'count').outcome
      const restarted = pool.restart?.()
      pool.resize?.(1)
      await restarted
      const seen = new Set<unknown>()
      for (let i = 0; i < 4; i++) seen.add(memberOf(await start(pool, 'count').outcome))
      expect(seen.size).toBe(1)
    })

    it('must have the tasks of the worker', async () => {
      const { pool } = open(subject, { setup: { without: 'add' } })
      await expect(pool.start()).rejects.toMatchObject({
        code: 'TWQ_POOL',
        message: expect.stringMatching(
          /^(thread|process) \d+ of the pool has other tasks than the worker: it lacks add$/,
        ),
      })
    })

    it('say why they can not load their tasks', async () => {
      const { pool } = open(subject, { setup: { without: 'everything' } })
      await expect(pool.start()).rejects.toThrow('no tasks today')
    })

    it('read the results of what they send, and how it failed', async () => {
      const { pool } = scene
      expect(await start(pool, 'read-result').outcome).toMatchObject({ result: ['SUCCESS', 3] })
      const failure = ['TWQ_TASK_FAILED', 'fail[2] failed', 'ValueError']
      expect(await start(pool, 'read-failure').outcome).toMatchObject({ result: failure })
      const group = [2, 1, [3, 'TWQ_TASK_FAILED'], 3]
      expect(await start(pool, 'read-group').outcome).toMatchObject({ result: group })
    })

    it('can not follow the states of what they send', async () => {
      const { pool } = scene
      const outcome = await start(pool, 'follow-states').outcome
      expect(outcome).toMatchObject({ kind: 'failed', error: { args: [expect.stringContaining("can't be followed")] } })
    })

    it('wait for what they sent no longer than their attempt lasts', async () => {
      const { pool, waits } = scene
      expect(await start(pool, 'leave-waiting').outcome).toMatchObject({ kind: 'succeeded' })
      await waits.until((how) => how === 'over')
    })
  })
}

/** What the sources of twq promise beside what is compiled from them: their members start, too. */
export function membersFromSources(subject: PoolSubject): void {
  it(`a pool of kind ${subject.kind} starts from the sources`, async () => {
    const { pool } = await started(subject)
    expect(await start(pool, 'add', [1, 2]).outcome).toMatchObject({ kind: 'succeeded', result: 3 })
  })
}

// Far more than a member needs for itself, and less than `leak` takes when it runs five times.
const LARGE = 250 * 1024 * 1024

function open(subject: PoolSubject, over: Partial<PoolSetting> = {}): Scene {
  const log = new Journal<LogLine>()
  const sent: Scene['sent'] = []
  const waits = new Journal<string>()
  const sendFor = (message: TaskMessage) =>
    (async (target: string | AnyTask, args: unknown, options: unknown) => {
      sent.push({ parent: message.id, name: typeof target === 'string' ? target : target.name, args, options })
      return sentHandle(target, waits)
    }) as unknown as Send
  const destination = { write: (line: string) => log.push(JSON.parse(line) as LogLine) }
  const pool = subject.open({
    size: subject.atOnce,
    logger: createLogger({ level: 'info', format: 'json', destination }),
    lookup: (name) => poolTasks.find((task) => task.name === name),
    sendFor,
    limitsFor: ({ timeLimit }) => ((timeLimit.hard ?? timeLimit.soft) === undefined ? undefined : timeLimit),
    hostModule: subject.hostModule ?? new URL('./pool-host.ts', import.meta.url).href,
    setup: {},
    taskNames: poolTasks.map(({ name }) => name).sort(),
    ...over,
  })
  return { pool, log, sent, waits }
}

/** What the worker's own `send` answers with. */
function sentHandle(target: unknown, waits: Journal<string>): object {
  const sum = { id: '1', state: async () => 'SUCCESS', result: async () => 3 }
  const remote = { type: 'ValueError', module: 'builtins', args: ['no'], traceback: null }
  const failure = new TwqError('TWQ_TASK_FAILED', 'fail[2] failed', { cause: new RemoteTaskError(remote) })
  const failed = { id: '2', state: async () => 'FAILURE', result: () => Promise.reject(failure) }
  if (target === 'add') return sum
  if (target === 'fail') return failed
  if (target === 'silent') return { id: '3', result: ({ signal }: ResultOptions) => forever(signal, waits) }
  if (typeof target !== 'object' || !('toJSON' in (target as object))) return { id: 'sent-id' }
  const handles = [sum, failed]
  const settled = () => Promise.allSettled(handles.map((handle) => handle.result()))
  return { id: '4', handles, settled, completed: async () => 1, result: failed.result }
}

function forever(signal: AbortSignal | undefined, waits: Journal<string>): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      waits.push('over')
      reject(signal.reason)
    })
  })
}

/** A pool of one member unless told otherwise, stopped after the test. */
async function started(subject: PoolSubject, over: Partial<PoolSetting> = {}): Promise<Scene> {
  const scene = open(subject, { size: 1, ...over })
  await scene.pool.start()
  onTestFinished(() => scene.pool.stop({ deadline: AbortSignal.abort() }))
  return scene
}

function start(pool: Pool, task: string, args: readonly unknown[] = [], over: Partial<TaskMessage> = {}): Run {
  const message = aTaskMessage({ task, args: args as TaskMessage['args'], ...over })
  // Its signal is what the attempt listens to in a worker.
  const request = aRequest()
  const begun: Deferred<number> = deferred()
  const states: [State, unknown][] = []
  const options: RunOptions = {
    signal: request.signal,
    onStarted: ({ pid }) => begun.resolve(pid),
    onState: async (state, meta) => void states.push([state, meta]),
  }
  return {
    outcome: Promise.resolve(pool.run(anInvocation({ message }), options)),
    started: begun.promise,
    states,
    abort: (code) => request.abort(new TwqError(code, SHUTDOWN)),
  }
}

const soft = (ms: number): Partial<TaskMessage> => ({ timeLimit: { soft: ms, hard: undefined } })
const hard = (ms: number): Partial<TaskMessage> => ({ timeLimit: { soft: undefined, hard: ms } })

function memberOf(outcome: Outcome): string {
  if (outcome.kind !== 'succeeded') throw new Error(`not counted: ${JSON.stringify(outcome)}`)
  return (outcome.result as { readonly member: string }).member
}
