import { hintOf, messageOf, TwqError } from '../../errors.ts'
import { portableJson, stringifyJson } from '../../protocol/json.ts'
import { boundedMessage, celeryError, pythonError, toRemoteError } from '../../protocol/result/exceptions.ts'
import type { RemoteError } from '../../protocol/result-record.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { bindReceived } from '../arguments.ts'
import type { TaskContext } from '../context.ts'
import type { AttemptEnd } from '../plugin.ts'
import type { RetryOptions } from '../retry-options.ts'
import { nextRetry, requestedRetry } from '../retry-policy.ts'
import type { AnyTask } from '../task.ts'
import { type ValidCall, validateCall } from '../validate-call.ts'
import { AttemptContext, tooManyRetries } from './attempt-context.ts'
import { attemptScope } from './attempt-scope.ts'
import { type ControlFlow, controlFlowOf } from './control-flow.ts'
import type { AroundAttempt, Attempt, SurroundedAttempt } from './invocation.ts'
import type { Outcome, RetryOverride } from './outcome.ts'
import { withPassOn } from './pass-on.ts'
import { portableValue } from './portable.ts'
import { isRetryMisuse, retryExpiry, retryTime } from './retry-time.ts'
import { UnfitArguments } from './unfit-arguments.ts'

/**
 * Runs a task's code once: arguments, schema, code, result. Returns the outcome, or a promise of it if the code returns a
 * promise. Never throws or rejects: anything that the code does, including throwing undefined or a hostile proxy, becomes an
 * outcome. Arguments that don't fit fail the task at once, whatever its retry policy.
 */
export function runAttempt(attempt: Attempt): Outcome | Promise<Outcome> {
  const { clock } = attempt
  if (attempt.aborted !== false && isShutdown(attempt.signal)) return { kind: 'interrupted' }
  const startedAt = clock.monotonic()
  const context = new AttemptContext(attempt)
  let outcome: Outcome
  try {
    attempt.onStarted?.()
    const { around } = attempt
    if (around !== undefined) return runSurrounded(attempt, around, context, startedAt)
    const { message } = attempt.invocation
    const result = callTask(attempt, context, message.args, message.kwargs)
    if (isThenable(result)) return outcomeOf(result, attempt, context, startedAt)
    outcome = returned(result, attempt.maxResultSize, clock.monotonic() - startedAt)
  } catch (thrown) {
    outcome = threw(thrown, attempt, context.retryLimit, clock.monotonic() - startedAt)
  }
  context.end()
  return outcome
}

function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && typeof (result as { then?: unknown }).then === 'function'
}

/** The outcome of code that returned a promise. */
async function outcomeOf(
  result: PromiseLike<unknown>,
  attempt: Attempt,
  context: AttemptContext,
  startedAt: number,
): Promise<Outcome> {
  const { clock } = attempt
  try {
    return returned(await result, attempt.maxResultSize, clock.monotonic() - startedAt)
  } catch (thrown) {
    return threw(thrown, attempt, context.retryLimit, clock.monotonic() - startedAt)
  } finally {
    context.end()
  }
}

/** The same with plugin code around the task, which may change its arguments, result and error. */
async function runSurrounded(
  attempt: Attempt,
  around: AroundAttempt,
  context: AttemptContext,
  startedAt: number,
): Promise<Outcome> {
  const { passOn } = context
  const runtime = (): number => attempt.clock.monotonic() - startedAt
  let outcome: Outcome
  try {
    const scope = attemptScope()
    const surrounded: SurroundedAttempt = {
      invocation: attempt.invocation,
      context,
      passOn,
      addLogFields: (fields) => context.addLogFields(fields),
      call: (args, kwargs) => callTask(attempt, context, args, kwargs),
      outcomeOf: (thrown) => threw(thrown, attempt, context.retryLimit, runtime()).kind as AttemptEnd,
    }
    const result = await (scope === undefined ? around(surrounded) : scope.run(context, () => around(surrounded)))
    outcome = returned(result, attempt.maxResultSize, runtime())
  } catch (thrown) {
    outcome = threw(thrown, attempt, context.retryLimit, runtime())
  }
  try {
    return withPassOn(outcome, passOn, attempt)
  } catch (thrown) {
    return threw(thrown, attempt, context.retryLimit, runtime())
  } finally {
    context.end()
  }
}

/** Binds and validates the arguments and calls the task. Not async: most tasks then create one promise, their own, or none. */
function callTask({ task }: Attempt, context: TaskContext, positional: readonly Json[], named: JsonObject): unknown {
  const bound = bindReceived(task.name, task, positional, named)
  if (bound.kind === 'mismatch') throw new UnfitArguments('TypeError', bound.message)
  if (task.schema === undefined) return runCode(task, bound.args, context)
  const call = (checked: ValidCall): unknown => {
    if (checked.kind === 'invalid') throw new UnfitArguments(checked.error, checked.message)
    return runCode(task, checked.value, context)
  }
  const answer = validateCall(task, task.schema, bound.args)
  return answer instanceof Promise ? answer.then(call) : call(answer)
}

function runCode(task: AnyTask, args: unknown, context: TaskContext): unknown {
  const scope = attemptScope()
  return scope === undefined ? task.run(args, context) : scope.run(context, () => task.run(args, context))
}

function returned(result: unknown, maxSize: number | undefined, runtime: number): Outcome {
  // Python's None.
  if (result === undefined) return { kind: 'succeeded', result: null, runtime }
  try {
    return { kind: 'succeeded', result: portableValue(result, 'result', maxSize), runtime }
  } catch (error) {
    return unsendable("the task's result", error, runtime)
  }
}

function unsendable(what: string, error: unknown, runtime: number): Outcome {
  const hint = hintOf(error)
  const problem = `${what} can't be sent: ${messageOf(error)}${hint === undefined ? '' : `; ${hint}`}`
  return failed(celeryError('EncodeError', [boundedMessage(problem)]), runtime)
}

function threw(thrown: unknown, attempt: Attempt, limit: number | null | undefined, runtime: number): Outcome {
  try {
    if (thrown instanceof UnfitArguments) return failed(pythonError(thrown.name, thrown.message), runtime)
    if (isRetryMisuse(thrown)) return failed(errorOf(thrown), runtime)
    const asked = controlFlowOf(thrown)
    if (asked !== undefined) return follow(asked, attempt, runtime)
    // Not created just to be checked: most attempts have no signal yet, and creating one takes time.
    const signal = attempt.aborted === false ? undefined : attempt.signal
    if (signal !== undefined && isShutdown(signal) && stemsFrom(thrown, signal.reason)) return { kind: 'interrupted' }
    const reason = (signal && softLimitBehind(thrown, signal)) ?? thrown
    const error = reason === thrown ? errorOf(thrown) : { ...errorOf(reason), traceback: errorOf(thrown).traceback }
    const decision = nextRetry(attempt.task.settings.retry, { ...retryFacts(attempt), limit, error: reason })
    return decision.kind === 'retry' ? { kind: 'retry', at: decision.at, error } : failed(error, runtime)
  } catch (unexpected) {
    if (isRetryMisuse(unexpected)) return failed(errorOf(unexpected), runtime)
    // A predicate of the retry policy threw, or the error can't be inspected.
    attempt.logger.warn(
      { task: attempt.task.name, reason: messageOf(unexpected) },
      'retry policy not applied: it threw itself',
    )
    return failed(errorOf(thrown), runtime)
  }
}

function follow(asked: ControlFlow, attempt: Attempt, runtime: number): Outcome {
  switch (asked.kind) {
    case 'ignore':
      return { kind: 'ignored' }
    case 'replace':
      return replaced(asked, runtime)
    case 'reject':
      return {
        kind: 'rejected',
        requeue: asked.requeue,
        error: celeryError('Reject', [boundedMessage(asked.reason), asked.requeue]),
      }
    case 'retry':
      return retry(asked.options, attempt, runtime)
  }
}

function replaced({ signature, stamps }: ControlFlow & { kind: 'replace' }, runtime: number): Outcome {
  try {
    stringifyJson(signature, { path: 'signature' })
    return { kind: 'replaced', signature, ...(stamps && { stamps }) }
  } catch (error) {
    return unsendable('what replaces the task', error, runtime)
  }
}

function retry(options: RetryOptions, attempt: Attempt, runtime: number): Outcome {
  const { message } = attempt.invocation
  let override: RetryOverride | undefined
  try {
    override = overrideOf(options)
  } catch (error) {
    return unsendable("the retry's arguments", error, runtime)
  }
  const facts = retryFacts(attempt)
  const decision = requestedRetry(attempt.task.settings.retry, {
    ...facts,
    at: retryTime(options, facts.now),
    limit: options.limit,
  })
  if (decision.kind === 'give-up') return failed(errorOf(tooManyRetries(message, options.cause)), runtime)
  const error = options.cause === undefined || options.cause === null ? null : errorOf(options.cause)
  const expires = retryExpiry(options, facts.now)
  return {
    kind: 'retry',
    at: decision.at,
    error,
    ...(expires !== undefined && { expires }),
    ...(override && { override }),
  }
}

function overrideOf({ args, kwargs }: RetryOptions): RetryOverride | undefined {
  if (args === undefined && kwargs === undefined) return undefined
  return {
    args: args && (portableJson(args, { path: 'args' }) as readonly Json[]),
    kwargs: kwargs && (portableJson(kwargs, { path: 'kwargs' }) as JsonObject),
  }
}

function retryFacts({ invocation, clock, random }: Attempt) {
  return { retries: invocation.message.retries, now: clock.now(), random }
}

function failed(error: RemoteError, runtime: number): Outcome {
  return { kind: 'failed', error, runtime }
}

/** The error in the form that crosses to Python, even if it can't be inspected. */
function errorOf(thrown: unknown): RemoteError {
  try {
    return toRemoteError(thrown)
  } catch {
    return pythonError('Exception', messageOf(thrown))
  }
}

function isShutdown(signal: AbortSignal): boolean {
  return signal.aborted && TwqError.is(signal.reason, 'TWQ_SHUTTING_DOWN')
}

/** The soft limit's error, if it or a library's wrapper of it escaped the task's code. */
function softLimitBehind(thrown: unknown, signal: AbortSignal): TwqError | undefined {
  const { aborted, reason } = signal
  return aborted && TwqError.is(reason, 'TWQ_SOFT_LIMIT') && stemsFrom(thrown, reason) ? reason : undefined
}

const ABORT_MARKS: readonly unknown[] = ['AbortError', 'ABORT_ERR', 'ERR_CANCELED']

/** Whether an error is the abort, or what a library made of it: its own abort error, or one with the reason as its cause. */
function stemsFrom(thrown: unknown, reason: unknown): boolean {
  let error = thrown
  for (let depth = 0; depth < 10 && typeof error === 'object' && error !== null; depth++) {
    if (error === reason) return true
    const { name, code, cause } = error as { name?: unknown; code?: unknown; cause?: unknown }
    if (ABORT_MARKS.includes(name) || ABORT_MARKS.includes(code)) return true
    error = cause
  }
  return false
}
