import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { Journal } from './until.ts'

/** An event of a debugged program, as the Chrome DevTools Protocol has it. */
export interface DebuggerEvent {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

interface Answer {
  readonly id?: number
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string }
}

/** A debugger that is attached to a program by the address which that printed: `ws://127.0.0.1:…`. */
export class DebuggerClient implements Disposable {
  readonly events = new Journal<DebuggerEvent>()
  readonly #answers = new Journal<Answer>()
  readonly #socket: Socket
  #unread = Buffer.alloc(0)
  #calls = 0

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.on('error', () => {})
    this.#read(head)
  }

  /** Attaches to it: Node 20 has no WebSocket of its own, and what a debugger needs of one is little. */
  static async attach(url: string): Promise<DebuggerClient> {
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': Buffer.alloc(16, 1).toString('base64'),
    }
    const asking = request(url.replace(/^ws:/, 'http:'), { headers })
    asking.end()
    const [, socket, head] = (await once(asking, 'upgrade')) as [unknown, Socket, Buffer]
    return new DebuggerClient(socket, head)
  }

  /** Gives a command, and resolves with its result. */
  async call(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    this.#calls += 1
    const id = this.#calls
    this.#socket.write(textFrame(JSON.stringify({ id, method, params })))
    const { result = {}, error } = await this.#answers.until((answer) => answer.id === id)
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes])
    for (let frame = frameIn(this.#unread); frame !== undefined; frame = frameIn(this.#unread)) {
      this.#unread = this.#unread.subarray(frame.end)
      const message = JSON.parse(frame.text) as Answer & DebuggerEvent
      if (message.id === undefined) this.events.push(message)
      else this.#answers.push(message)
    }
  }
}

/** A frame as clients send it: one text, masked, here with nothing. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const length = Buffer.alloc(payload.length < 126 ? 2 : 4)
  length[0] = 0x81
  if (payload.length < 126) length[1] = 0x80 | payload.length
  else {
    length[1] = 0x80 | 126
    length.writeUInt16BE(payload.length, 2)
  }
  return Buffer.concat([length, Buffer.alloc(4), payload])
}

/** The first frame, if it is there as a whole. */
function frameIn(bytes: Buffer): { readonly text: string; readonly end: number } | undefined {
  if (bytes.length < 2) return undefined
  const short = bytes.readUInt8(1) & 0x7f
  const start = short === 126 ? 4 : short === 127 ? 10 : 2
  if (bytes.length < start) return undefined
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
  const end = start + length
  return bytes.length < end ? undefined : { text: bytes.toString('utf8', start, end), end }
}
