import type { Consumer } from '../consume/queue-consumer.ts'
import type { Suspects } from '../consume/suspects.ts'
import type { WorkerObserver } from '../request/moments.ts'
import type { Dispatcher } from '../run/dispatcher.ts'
import type { KeptOutcomes } from '../settle/kept-outcomes.ts'

/** The parts that are paused while outcomes can't be settled. */
export interface HaltParts {
  readonly consumer: Pick<Consumer, 'pause' | 'resume'>
  readonly suspects: Pick<Suspects, 'pause' | 'resume'>
  readonly dispatcher: Pick<Dispatcher, 'returnWaiting' | 'resume'>
  readonly kept: Pick<KeptOutcomes, 'halted'>
}

/** Pauses the consumers while outcomes can't be settled, and returns requests that have not started. */
export class Halt implements WorkerObserver {
  readonly #parts: HaltParts

  constructor(parts: HaltParts) {
    this.#parts = parts
  }

  halted(): void {
    const { consumer, suspects, dispatcher, kept } = this.#parts
    void Promise.all([consumer.pause(), suspects.pause()]).then(() => kept.halted && dispatcher.returnWaiting())
  }

  resumed(): void {
    const { consumer, suspects, dispatcher } = this.#parts
    void Promise.all([consumer.resume(), suspects.resume()])
    dispatcher.resume()
  }
}
