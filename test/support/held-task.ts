import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Task } from '../../src/tasks/task.ts'

/** A task whose attempts do not end before they are released, whatever is asked of them. */
export interface HeldTask {
  /** `numbered`; returns its argument `n`. */
  readonly task: Task<'numbered', { n: number }, number>
  /** The numbers of the attempts so far, in the order of their starts. */
  readonly ran: readonly number[]
  /** Resolves when one has started. */
  readonly started: Promise<void>
  release(): void
}

/** Makes one, with `acks` as in `defineTask`. */
export function heldTask({ acks }: { readonly acks?: 'early' | 'late' } = {}): HeldTask {
  const go = deferred<void>()
  const started = deferred<void>()
  const ran: number[] = []
  const task = defineTask({
    name: 'numbered',
    positional: ['n'],
    ...(acks !== undefined && { acks }),
    async run({ n }: { n: number }) {
      ran.push(n)
      started.resolve()
      await go.promise
      return n
    },
  })
  return { task, ran, started: started.promise, release: go.resolve }
}
