import type { Session } from '../broker/session.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { ChordJoin } from './backend.ts'
import type { BuiltInDefinition, BuiltInReadingParts } from './definition.ts'
import { KeptReplies } from './kept-replies.ts'
import type { GroupStore } from './reader.ts'
import type { Replies } from './replies.ts'

/** The settings of the reader of kept results, which logs to `logger`. Times in milliseconds. */
export type ReadingSettings = Pick<BuiltInReadingParts, 'keyPrefix' | 'patience' | 'clock' | 'logger'>

/** Whether the results of this backend can be read. */
export function canBeRead({ openReader, openReplies }: BuiltInDefinition): boolean {
  return openReader !== undefined || openReplies !== undefined
}

/**
 * The reading side of a result backend, in a client or for the tasks that tasks send. The reader of kept results outlives the
 * sessions with the broker; results that are sent back are read over each session.
 */
export class ResultReading implements AsyncDisposable {
  /** Where results are, for people. */
  readonly shown: string
  readonly #definition: BuiltInDefinition
  readonly #logger: EventLogger | undefined
  readonly #kept: KeptReplies | undefined

  constructor(definition: BuiltInDefinition, settings: ReadingSettings) {
    this.shown = definition.shown
    this.#definition = definition
    this.#logger = settings.logger
    const open = definition.openReader?.bind(definition)
    this.#kept = open && new KeptReplies((heard) => open({ ...settings, ...heard }))
  }

  /** Announces chords where the workers' backend joins them. */
  get chords(): Pick<ChordJoin, 'begin'> | undefined {
    return this.#kept?.reader.chords
  }

  /** Keeps groups, where that is possible. */
  get groups(): GroupStore | undefined {
    return this.#kept?.reader.groups
  }

  /** The feed of a kept task's result; undefined where none are kept. */
  get kept(): Replies | undefined {
    return this.#kept
  }

  /** The replies to what is sent over a session, to be left before it stops; undefined where results can't be read. */
  repliesOver(session: Session): Replies | undefined {
    return this.#kept ?? this.#definition.openReplies?.(session, this.#logger)
  }

  /** Closes the reader of kept results, and breaks its feeds. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept?.[Symbol.asyncDispose]()
  }
}
