import { TwqError } from '../../errors.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { endWithParent } from '../../runtime/process/end-with-parent.ts'
import { followImports, type ImportedFiles } from '../../runtime/process/imported-files.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { Request } from '../../worker/request/request.ts'

/** The messages of a worker to `twq dev`, its parent. Crosses as a structured clone: dates and big integers stay what they are. */
export type WorkerMessage = WorkerReady | WorkerImported | WorkerLeaving | TaskReport

/** The worker consumes. */
export interface WorkerReady {
  readonly kind: 'ready'
  /** The configuration file; undefined where the sample stands in. */
  readonly file: string | undefined
  readonly queue: string
  readonly tasks: readonly TaskSummary[]
  readonly sources: {
    /** The modules that it has imported, packages left out. */
    readonly files: readonly string[]
    /** Paths and globs of the task modules, and where they begin. */
    readonly tasks: readonly string[]
    readonly baseDir: string
  }
}

/** A running task imported one more module. */
export interface WorkerImported {
  readonly kind: 'imported'
  readonly file: string
}

/** The worker was asked to stop, and from now on runs nothing that has not started. */
export interface WorkerLeaving {
  readonly kind: 'leaving'
}

/** A task that can be sent. */
export interface TaskSummary {
  readonly name: string
  readonly positional: readonly string[]
}

/** One attempt, and how it ended. */
export interface TaskReport {
  readonly kind: 'task'
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly args: readonly Json[]
  readonly kwargs: JsonObject
  readonly outcome: Outcome
}

/** The worker's end of the channel. */
export interface ParentLink {
  /** The files that this process imports, from when the link was made. */
  readonly imports: ImportedFiles
  ready(facts: Omit<WorkerReady, 'kind'>): void
  leaving(): void
  settled(request: Request, outcome: Outcome): void
}

/**
 * Opens the channel to the `twq dev` that started this process. When it breaks, the parent has ended, killed perhaps, and this
 * process ends at once, what it is doing notwithstanding: its messages go back to their queues. Throws `TWQ_USAGE` where there
 * is no such parent.
 */
export function parentLink(): ParentLink {
  if (process.send === undefined) {
    throw new TwqError('TWQ_USAGE', '--supervised is for the workers that twq dev starts')
  }
  endWithParent()
  const tell = (message: WorkerMessage): void => {
    // A failure means that the channel broke, which 'disconnect' is about to tell.
    if (process.connected) process.send?.(message, undefined, undefined, () => {})
  }
  const imports = followImports()
  return {
    imports,
    ready(facts) {
      tell({ kind: 'ready', ...facts })
      imports.onFurther((file) => tell({ kind: 'imported', file }))
    },
    leaving: () => tell({ kind: 'leaving' }),
    settled({ message, queue }, outcome) {
      const { id, task, args, kwargs } = message
      tell({ kind: 'task', id, task, queue, args, kwargs, outcome })
    },
  }
}
