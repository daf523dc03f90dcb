import type { TaskMessage } from '../../src/protocol/task-message.ts'
import type { EventLogger } from '../../src/runtime/log/logger.ts'
import { type Clock, systemClock } from '../../src/runtime/time/clock.ts'
import type { Attempt, Invocation } from '../../src/tasks/attempt/invocation.ts'
import { aTaskMessage } from './a-task-message.ts'

/** The moment at which the clock of {@link anAttempt} stands still. */
export const NOW = 1_700_000_000_000

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
export function aSilentLogger(): EventLogger {
  const drop = () => {}
  const logger: EventLogger = {
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
