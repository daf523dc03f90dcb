import type { Hono } from 'hono'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { Refusal } from '../answers/session.ts'
import type { Changes } from '../feed/changes.ts'
import type { ApiEnv } from './context.ts'

const MOST_STREAMS = 200
const EVERY = 500
// Proxies and browsers close a stream that is silent for longer.
const ALIVE_EVERY = 15_000
// A reader that accepts nothing for this long is gone, or hostile.
const STALLED = 60_000

interface Reader {
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  /** The versions last sent to it. */
  told: string
  /** When it last accepted data. */
  took: number
}

/**
 * Tells pages that something has changed, as server-sent events, at most twice a second: the numbers of `Versions`, so that they
 * request what they show again. A slow reader is skipped, and misses nothing by that.
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

  /** A stream for one more page; undefined if there are too many. */
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

  /** Ends all streams. */
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
      // Its reader has cancelled it in the meantime.
    }
  }
}

// A proxy must not buffer the stream, nor compress it, for which it would buffer it.
const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

/** `/api/stream`. */
export function streamRoutes(app: Hono<ApiEnv>, streams: Streams): void {
  app.get('/api/stream', (c) => {
    // For a HEAD request the body would never be read or cancelled.
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
