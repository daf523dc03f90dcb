import type { RawChannel, RawReply } from './private-amqplib.ts'

/**
 * Has a channel send each request at once. amqplib sends the next when the last was answered, a round trip each, though a
 * broker takes what comes on one channel in order, answers in order, and ignores what follows a request that it refuses.
 */
export function pipeline(raw: RawChannel): void {
  const waiting: RawReply[] = []
  const answer: RawReply = (error, frame) => {
    // The channel is over for all of them; a refusal comes as a frame, and is meant for the first.
    const replies = error instanceof Error ? waiting.splice(0) : waiting.splice(0, 1)
    if (waiting.length > 0) raw.reply = answer
    for (const reply of replies) reply(error, frame)
  }
  raw.sendOrEnqueue = (method, fields, reply) => {
    raw.sendImmediately(method, fields)
    waiting.push(reply)
    raw.reply = answer
  }
}
