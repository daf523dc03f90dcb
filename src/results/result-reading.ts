import type { Session } from '../broker/session.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { ChordJoin } from './backend.ts'
import type { BuiltInDefinition, BuiltInReadingParts } from './definition.ts'
import { KeptReplies } from './kept-replies.ts'
import type { GroupStore } from './reader.ts'
import type { Replies } from './replies.ts'

/** The settings of the reader of stored results, which logs to `logger`. Times in milliseconds. */
export type ReadingSettings = Pick<BuiltInReadingParts, 'keyPrefix' | 'patience' | 'clock' | 'logger'>

/** Whether the results of this backend can be read. */
export function canBeRead({ openReader, openReplies }: BuiltInDefinition): boolean {
  return openReader !== undefined || openReplies !== undefined
}

/**
 * The reading side of a result backend, in a client or for tasks that send tasks. The reader of stored results outlives the
 * sessions with the broker; results that are sent back are read over each session.
 */
export class ResultReading implements AsyncDisposable {
  /** The location of results, for display. */
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

  /** Registers chords if the workers' backend joins them. */
  get chords(): Pick<ChordJoin, 'begin'> | undefined {
    return this.#kept?.reader.chords
  }

  /** Stores groups, if possible. */
  get groups(): GroupStore | undefined {
    return this.#kept?.reader.groups
  }

  /** The feed of a stored task result; undefined if none are stored. */
  get kept(): Replies | undefined {
    return this.#kept
  }

  /** The replies to tasks sent over a session, to be released before it stops; undefined if results can't be read. */
  repliesOver(session: Session): Replies | undefined {
    return this.#kept ?? this.#definition.openReplies?.(session, this.#logger)
  }

  /** Closes the reader of stored results and ends its feeds. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept?.[Symbol.asyncDispose]()
  }
}
