import type { TaskMessage } from '../../src/protocol/task-message.ts'
import { type Clock, systemClock } from '../../src/runtime/clock.ts'
import type { Logger } from '../../src/runtime/logger.ts'
import type { Attempt, Invocation } from '../../src/tasks/invocation.ts'

/** The moment at which the clock of {@link anAttempt} stands still. */
export const NOW = 1_700_000_000_000

/** A task message as Celery would send it, with what the test cares about. */
export function aTaskMessage(over: Partial<TaskMessage> = {}): TaskMessage {
  const id = over.id ?? 'd2f1a7c4-0000-4000-8000-000000000001'
  return {
    id,
    task: 'job',
    args: [],
    kwargs: {},
    embed: { callbacks: null, errbacks: null, chain: null, chord: null },
    retries: 0,
    eta: undefined,
    expires: undefined,
    timeLimit: { hard: undefined, soft: undefined },
    rootId: id,
    parentId: null,
    group: null,
    groupIndex: null,
    shadow: null,
    origin: null,
    argsrepr: '()',
    kwargsrepr: '{}',
    ignoreResult: null,
    replyTo: '',
    correlationId: id,
    priority: undefined,
    stampedHeaders: null,
    stamps: {},
    headers: {},
    protocol: 2,
    ...over,
  }
}

/** One delivery of a message, as a worker hands it to its pool. */
export function anInvocation(over: Partial<Invocation> = {}): Invocation {
  return { message: aTaskMessage(), queue: 'celery', redelivered: false, node: 'twq@test', ...over }
}

/** An attempt whose clock stands still, that stores nothing, sends nothing and logs nothing. */
export function anAttempt(
  over: Pick<Attempt, 'task'> & Partial<Attempt> & { message?: Partial<TaskMessage>; redelivered?: boolean },
): Attempt {
  const { message, redelivered = false, ...rest } = over
  return {
    invocation: anInvocation({ message: aTaskMessage(message), redelivered }),
    signal: new AbortController().signal,
    onState: async () => {},
    logger: aSilentLogger(),
    sendFor: () => () => Promise.reject(new Error('this attempt sends nothing')),
    clock: { ...systemClock, now: () => NOW } satisfies Clock,
    random: () => 0.5,
    ...rest,
  }
}

/** A logger that drops every line. */
export function aSilentLogger(): Logger {
  const drop = () => {}
  const logger: Logger = {
    level: 'silent',
    trace: drop,
    debug: drop,
    info: drop,
    warn: drop,
    error: drop,
    fatal: drop,
    child: () => logger,
    isLevelEnabled: () => false,
  }
  return logger
}
