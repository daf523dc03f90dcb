import { TwqError } from '../errors.ts'
import { readArray, readSignature } from '../protocol/signature.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { ordinary } from '../runtime/ordinary.ts'
import { bindArguments } from '../tasks/arguments.ts'
import { tooManyRetries } from '../tasks/attempt/attempt-context.ts'
import { Retry } from '../tasks/attempt/control-flow.ts'
import type { TaskContext } from '../tasks/context.ts'
import { defineTask } from '../tasks/define-task.ts'
import type { TaskRegistry } from '../tasks/registry.ts'
import type { AnyTask } from '../tasks/task.ts'
import { validateCall } from '../tasks/validate-call.ts'

/** Sends a signature with partial arguments as a child of the task that `parent` runs; resolves with its result tuple. */
export type Apply = (signature: Json, args: readonly Json[], parent: TaskMessage) => Promise<Json>

/** Checks a polled chord for the task that `parent` runs; `waiting` while its header has not ended. */
export type Unlock = (body: Json, header: Json, parent: TaskMessage) => Promise<'waiting' | 'ended'>

/** Publishes for `celery.chunks`, `celery.group`, `celery.chord` and `celery.chord_unlock`, over the worker's connections. */
export interface BuiltInMeans {
  readonly apply: Apply
  readonly unlock: Unlock
}

/**
 * A registry that also finds the tasks that every Celery worker has, under their names (wire specification 4.7, 5.6). They are
 * not listed, and a task of the same name in `registry` takes precedence.
 */
export function withBuiltIns(registry: TaskRegistry, means: BuiltInMeans): TaskRegistry {
  const builtIn = new Map(builtInTasks((name) => registry.get(name), means).map((task) => [task.name, task]))
  return { ...registry, get: (name) => registry.get(name) ?? builtIn.get(name) }
}

// Those of them that send messages.
const SENDING = ['celery.chunks', 'celery.group', 'celery.chord', 'celery.chord_unlock']

/** Whether a built-in task publishes messages. Only a worker's own process can run it, since pool members have no connection. */
export function needsConnections(task: string, registry: TaskRegistry): boolean {
  return SENDING.includes(task) && !registry.names().includes(task)
}

function builtInTasks(
  lookup: (name: string) => AnyTask | undefined,
  { apply, unlock }: BuiltInMeans,
): readonly AnyTask[] {
  return [
    defineTask({
      name: 'celery.map',
      positional: ['task', 'it'],
      run: ({ task, it }: Mapping, ctx) => callEach(innerTask(task, lookup), items(it), (item) => [item], ctx),
    }),
    defineTask({
      name: 'celery.starmap',
      positional: ['task', 'it'],
      run: ({ task, it }: Mapping, ctx) =>
        callEach(innerTask(task, lookup), items(it), (item, index) => readArray(item, `it[${index}]`), ctx),
    }),
    defineTask({
      name: 'celery.chunks',
      positional: ['task', 'it', 'n'],
      run: ({ task, it, n }: Mapping & { n: Json }, ctx) =>
        apply({ task: 'celery.chunks', kwargs: { task, it, n }, subtask_type: 'chunks' }, [], ctx.request),
    }),
    defineTask({
      name: 'celery.group',
      positional: ['tasks', 'result', 'group_id', 'partial_args', 'add_to_parent?'],
      named: '*',
      run: ({ tasks, group_id, partial_args }: GroupCall, ctx) => {
        const group = { task: 'celery.group', kwargs: { tasks }, options: { task_id: group_id }, subtask_type: 'group' }
        return apply(group, readArray(partial_args, 'partial_args'), ctx.request)
      },
    }),
    defineTask({
      name: 'celery.chord',
      positional: ['header', 'body', 'partial_args?', 'interval?', 'countdown?', 'max_retries?', 'eager?'],
      named: '*',
      run: ({ header, body, partial_args = [] }: ChordCall, ctx) => {
        const chord = { task: 'celery.chord', kwargs: { header, body }, subtask_type: 'chord' }
        return apply(chord, readArray(partial_args, 'partial_args'), ctx.request)
      },
    }),
    defineTask({
      name: 'celery.chord_unlock',
      positional: ['group_id', 'callback', 'interval?', 'max_retries?', 'result?'],
      named: '*',
      // A Redis that is down comes back; waiting helps with nothing else.
      retry: { limit: null, on: (error) => TwqError.is(error, 'TWQ_RESULT_BACKEND') },
      ignoreResult: true,
      async run({ callback, interval, max_retries: most, result = [] }: UnlockCall, ctx) {
        if ((await unlock(callback, result, ctx.request)) === 'ended') return null
        if (typeof most === 'number' && ctx.request.retries >= most) throw tooManyRetries(ctx.request, undefined)
        throw new Retry({ countdown: typeof interval === 'number' ? Math.max(0, interval * 1000) : POLL_INTERVAL })
      },
    }),
    defineTask({
      name: 'celery.chain',
      run() {
        const error = new Error('chain is not a real task')
        error.name = 'NotImplementedError'
        throw error
      },
    }),
    defineTask({
      name: 'celery.accumulate',
      positional: ['...args'],
      named: '*',
      run: ({ args, index }: { args: readonly Json[]; index?: Json }) => elementOf(args, index),
    }),
    // Celery beat sends it every night; here results expire by themselves.
    defineTask({ name: 'celery.backend_cleanup', run: () => null }),
  ]
}

/** Celery's `result_chord_retry_interval`, in milliseconds. */
const POLL_INTERVAL = 1_000

interface UnlockCall {
  readonly group_id: Json
  readonly callback: Json
  readonly interval?: Json
  readonly max_retries?: Json
  readonly result?: Json
}

interface Mapping {
  readonly task: Json
  readonly it: Json
}

interface GroupCall {
  readonly tasks: Json
  readonly result: Json
  readonly group_id: Json
  readonly partial_args: Json
  readonly add_to_parent?: Json
}

/** Only the first three define what runs; the others are for backends that poll. */
interface ChordCall {
  readonly header: Json
  readonly body: Json
  readonly partial_args?: Json
  readonly interval?: Json
  readonly countdown?: Json
  readonly max_retries?: Json
  readonly eager?: Json
}

function items(it: Json): readonly Json[] {
  return readArray(it, 'it')
}

/** Only the name matters: as in Celery, the arguments of a mapped signature are not used. */
function innerTask(signature: Json, lookup: (name: string) => AnyTask | undefined): AnyTask {
  const { task: name } = readSignature(signature, 'task')
  const task = lookup(name)
  if (task !== undefined) return task
  throw new TwqError('TWQ_UNKNOWN_TASK', name)
}

/** Calls a task once per item, one after the other, inside the attempt that maps it. */
async function callEach(
  task: AnyTask,
  it: readonly Json[],
  argumentsOf: (item: Json, index: number) => readonly Json[],
  ctx: TaskContext,
): Promise<Json[]> {
  const results: Json[] = []
  for (const [index, item] of it.entries()) {
    ctx.signal.throwIfAborted()
    results.push(((await call(task, argumentsOf(item, index), ctx)) ?? null) as Json)
  }
  return results
}

async function call(task: AnyTask, args: readonly Json[], ctx: TaskContext): Promise<unknown> {
  const bound = bindArguments(task.name, task, args, NO_NAMES)
  if (bound.kind === 'mismatch') throw new TwqError('TWQ_ARGUMENTS', bound.message)
  const own = ordinary(bound.args)
  if (task.schema === undefined) return await task.run(own, ctx)
  const checked = await validateCall(task, task.schema, own)
  if (checked.kind === 'valid') return await task.run(checked.value, ctx)
  const complaint = new Error(checked.message)
  // Python's name for the error, as when the task is called directly.
  complaint.name = checked.error
  throw complaint
}

const NO_NAMES: JsonObject = {}

/** Python's `args[index]`, which counts from the end below zero; all of them without an index. */
function elementOf(args: readonly Json[], index: Json | undefined): Json {
  if (index === undefined || index === null) return args
  const element = typeof index === 'number' ? args.at(index) : undefined
  if (element !== undefined) return element
  const missing = new Error('tuple index out of range')
  missing.name = 'IndexError'
  throw missing
}
