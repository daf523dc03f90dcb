import type { Hono } from 'hono'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { Refusal } from '../answers/session.ts'
import type { Changes } from '../feed/changes.ts'
import type { ApiEnv } from './context.ts'

const MOST_STREAMS = 200
const EVERY = 500
// Proxies and browsers give up on a stream that is silent for longer.
const ALIVE_EVERY = 15_000
// A reader that has taken nothing for so long is gone, or wants to hold us up.
const STALLED = 60_000

interface Reader {
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  /** What it was told last. */
  told: string
  /** When it took something last. */
  took: number
}

/**
 * Tells pages that something has changed, as server-sent events, twice a second at most: the numbers of `Versions`, for them to ask
 * anew for what they show. A reader that is slow is passed over, and loses nothing by that.
 */
export class Streams {
  readonly #changes: Changes
  readonly #clock: Clock
  readonly #readers = new Set<Reader>()
  #timer: Timer | undefined
  #closed = false

  constructor(changes: Changes, clock: Clock) {
    this.#changes = changes
    this.#clock = clock
  }

  get count(): number {
    return this.#readers.size
  }

  /** A stream for one more page; undefined where there are too many. */
  open(): ReadableStream<Uint8Array> | undefined {
    if (this.#closed || this.#readers.size >= MOST_STREAMS) return undefined
    let reader: Reader
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          reader = { controller, told: '', took: this.#clock.monotonic() }
          this.#readers.add(reader)
          controller.enqueue(encoded(': twq\nretry: 2000\n\n'))
          this.#tick()
        },
        cancel: () => {
          this.#readers.delete(reader)
        },
      },
      new CountQueuingStrategy({ highWaterMark: 4 }),
    )
  }

  /** Ends all. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    for (const reader of this.#readers) this.#end(reader)
  }

  #tick(): void {
    this.#timer?.cancel()
    const now = this.#clock.monotonic()
    const news = `event: changed\ndata: ${JSON.stringify(this.#changes.versions)}\n\n`
    for (const reader of this.#readers) this.#tell(reader, news, now)
    if (this.#readers.size > 0) this.#timer = this.#clock.after(EVERY, () => this.#tick())
  }

  #tell(reader: Reader, news: string, now: number): void {
    if ((reader.controller.desiredSize ?? 0) <= 0) {
      if (now - reader.took > STALLED) this.#end(reader)
      return
    }
    if (news === reader.told && now - reader.took < ALIVE_EVERY) return
    reader.controller.enqueue(encoded(news === reader.told ? ': alive\n\n' : news))
    reader.told = news
    reader.took = now
  }

  #end(reader: Reader): void {
    this.#readers.delete(reader)
    try {
      reader.controller.close()
    } catch {
      // Its reader has cancelled it meanwhile.
    }
  }
}

// A proxy is not to collect what comes, and nothing on the way to compress it, for which it would collect it.
const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

/** `/api/stream`. */
export function streamRoutes(app: Hono<ApiEnv>, streams: Streams): void {
  app.get('/api/stream', (c) => {
    // Of a question for the headers alone nothing would be read, nor would it be cancelled.
    if (c.req.method === 'HEAD') return c.body(null, 200, HEADERS)
    const stream = streams.open()
    if (stream === undefined) {
      c.header('retry-after', '30')
      return c.json<Refusal>({ error: 'too many pages are open', hint: 'Ask for the data every few seconds.' }, 503)
    }
    return c.body(stream, 200, HEADERS)
  })
}

const encoder = new TextEncoder()

function encoded(text: string): Uint8Array {
  return encoder.encode(text)
}
