import type { TaskQueue } from '../../protocol/queue/task-queue.ts'

/** What the broker was asked about a queue, and what it has answered so far. */
export class Asked {
  readonly queue: TaskQueue
  declared: { readonly quorum: boolean } | undefined
  error: unknown
  /** Resolves with the answer, or undefined where it was a refusal. Never rejects. */
  readonly answer: Promise<{ readonly quorum: boolean } | undefined>

  constructor(queue: TaskQueue, answer: Promise<{ readonly quorum: boolean }>) {
    this.queue = queue
    this.answer = answer.then(
      (declared) => {
        this.declared = declared
        return declared
      },
      (error: unknown) => {
        this.error = error
        return undefined
      },
    )
  }
}
