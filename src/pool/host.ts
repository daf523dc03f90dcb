import type { TaskMessage } from '../protocol/task-message.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { AroundAttempt } from '../tasks/attempt/invocation.ts'
import type { Send } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'

/** The tasks that a member can run. */
export interface Host {
  readonly tasks: {
    get(name: string): AnyTask | undefined
    /** In alphabetical order. */
    names(): readonly string[]
  }
  /** Those around its attempts and sends; left out if there are none. */
  readonly plugins?: HostPlugins | undefined
}

/** The plugins of a member, which have started. */
export interface HostPlugins {
  readonly names: readonly string[]
  /** What surrounds the attempts of a task. */
  readonly aroundOf?: ((task: AnyTask) => AroundAttempt | undefined) | undefined
  /** Creates a way to send, as a child of a message, with plugins around it. */
  readonly surround?: ((send: Send, parent: TaskMessage) => Send) | undefined
  /** Stops them; within a time limit, and never rejects. */
  stop(): Promise<void>
}

/**
 * The module that a member imports, by URL, to get its host: so the pool does not depend on the code that loads tasks and
 * configuration. `setup` is plain data from the pool.
 */
export interface HostModule {
  openHost(setup: unknown, means: { readonly logger: EventLogger }): Promise<Host>
}
