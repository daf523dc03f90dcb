import { hintOf, messageOf, TwqError } from '../errors.ts'
import { heldSize } from '../runtime/held-size.ts'

/** Calls that are sent in a row, with bounded memory. Read once: nothing is sent before. */
export interface SentMany<Handle> extends AsyncIterable<Handle> {
  /**
   * Sends the rest without giving handles; resolves with the number of confirmed calls in all. Rejects as reading does.
   */
  confirmed(): Promise<number>
}

/** Why sending in a row has ended early: the error of the first call that was not sent, or of what the arguments came from. */
export interface SendManyError extends TwqError {
  /** How many calls before it, from the first one on, the broker has confirmed. */
  readonly confirmed: number
  /** How many of those behind it were under way already, and were confirmed too. */
  readonly confirmedBeyond: number
}

/** A call under way. */
interface Sent<Handle> {
  readonly handle: Promise<Handle>
  readonly size: number
}

/** Unconfirmed calls, and about the bytes of memory that their arguments hold: other sends go beside them. */
const WINDOW = { calls: 1_000, bytes: 16 * 1024 * 1024 }

/**
 * Sends a call for each of `source`, in its order, as far ahead of the reader as a window lets it; gives the handles in that order. The
 * first failure ends it, with a {@link SendManyError}, once what is under way is over.
 */
export function sendMany<Args, Handle>(
  send: (args: Args) => Promise<Handle>,
  source: Iterable<Args> | AsyncIterable<Args>,
): SentMany<Handle> {
  const run = new WindowedSends(send, source)
  const handles = run.handles()
  return {
    [Symbol.asyncIterator]: () => handles,
    async confirmed() {
      for await (const _ of handles);
      return run.confirmed
    },
  }
}

class WindowedSends<Args, Handle> {
  readonly #send: (args: Args) => Promise<Handle>
  readonly #source: Iterable<Args> | AsyncIterable<Args>
  /** In order. */
  readonly #underWay: Sent<Handle>[] = []
  #bytes = 0
  confirmed = 0

  constructor(send: (args: Args) => Promise<Handle>, source: Iterable<Args> | AsyncIterable<Args>) {
    this.#send = send
    this.#source = source
  }

  async *handles(): AsyncGenerator<Handle, void, undefined> {
    const source = iteratorOf(this.#source)
    let isOver = false
    try {
      let next = take(source)
      for (;;) {
        // A source that waits for the reader gets on only with the handles of what it has given.
        while (await this.#isConfirmedBefore(next)) yield await this.#first()
        const { done, value } = await next.catch((error: unknown) => {
          isOver = true
          throw error
        })
        if (done) break
        const size = sizeOf(value)
        while (this.#isFull(size)) yield await this.#first()
        this.#start(value, size)
        next = take(source)
      }
      isOver = true
      while (this.#underWay.length > 0) yield await this.#first()
    } catch (error) {
      throw await this.#failure(error)
    } finally {
      if (!isOver) leave(source)
      // The reader left early: what is on its way arrives.
      await Promise.allSettled(this.#underWay.map(({ handle }) => handle))
    }
  }

  /** True once the oldest call has ended, where that is before the source gives the next one. */
  async #isConfirmedBefore(next: Promise<unknown>): Promise<boolean> {
    const oldest = this.#underWay[0]
    if (oldest === undefined) return false
    return await Promise.race([
      next.then(
        () => false,
        () => false,
      ),
      oldest.handle.then(
        () => true,
        () => true,
      ),
    ])
  }

  #isFull(size: number): boolean {
    const { length } = this.#underWay
    return length > 0 && (length >= WINDOW.calls || this.#bytes + size > WINDOW.bytes)
  }

  #start(args: Args, size: number): void {
    const handle = this.#send(args)
    // It is awaited in its turn.
    handle.catch(() => {})
    this.#underWay.push({ handle, size })
    this.#bytes += size
  }

  async #first(): Promise<Handle> {
    const { handle, size } = this.#underWay.shift() as Sent<Handle>
    this.#bytes -= size
    const confirmed = await handle
    this.confirmed += 1
    return confirmed
  }

  async #failure(cause: unknown): Promise<SendManyError> {
    const rest = await Promise.allSettled(this.#underWay.map(({ handle }) => handle))
    const beyond = rest.filter(({ status }) => status === 'fulfilled').length
    const code = TwqError.is(cause) ? cause.code : 'TWQ_ARGUMENTS'
    const message = `sending ended after ${this.confirmed} confirmed calls, and ${beyond} behind them: ${messageOf(cause)}`
    const error = new TwqError(code, message, { cause, hint: hintOf(cause) })
    return Object.assign(error, { confirmed: this.confirmed, confirmedBeyond: beyond })
  }
}

function iteratorOf<Args>(source: Iterable<Args> | AsyncIterable<Args>): AsyncIterator<Args> | Iterator<Args> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
}

/** Asks the source for its next value. */
async function take<Args>(source: AsyncIterator<Args> | Iterator<Args>): Promise<IteratorResult<Args, unknown>> {
  return await source.next()
}

/** Lets the source clean up, without waiting: a source that is about to give a value answers only after that. */
function leave(source: AsyncIterator<unknown> | Iterator<unknown>): void {
  void (async () => await source.return?.())().catch(() => {})
}

/** About the bytes that arguments hold; what is nested too deep, or in a circle, is refused when it is sent. */
function sizeOf(args: unknown): number {
  try {
    return heldSize(args)
  } catch {
    return 0
  }
}
