import type { Methods, RawChannel, RawReply } from './private-amqplib.ts'

interface Request {
  readonly method: number
  readonly fields: object
  readonly reply: RawReply
}

/**
 * Has a channel send requests at once where a broker answers them in order. amqplib sends the next when the last was
 * answered, a round trip each. What only declares is answered before the broker looks at what follows, which it ignores
 * after a request that it refuses. Not so consuming, cancelling and the like: RabbitMQ passes those on to a quorum queue, and
 * answers what comes after them first. So nothing is sent behind one of them.
 */
export function pipeline(raw: RawChannel, methods: Methods): void {
  const { ChannelOpen, ConfirmSelect, ExchangeDeclare, ExchangeBind, QueueDeclare, QueueBind, BasicQos } = methods
  const prompt = new Set([ChannelOpen, ConfirmSelect, ExchangeDeclare, ExchangeBind, QueueDeclare, QueueBind, BasicQos])
  const held: Request[] = []
  const sent: Request[] = []

  const answer: RawReply = (error, frame) => {
    // The channel is over for all of them; a refusal comes as a frame, and is meant for the first.
    const over = error instanceof Error ? [...sent.splice(0), ...held.splice(0)] : sent.splice(0, 1)
    if (error === null) send()
    if (sent.length + held.length > 0) raw.reply = answer
    for (const { reply } of over) reply(error, frame)
  }
  const send = (): void => {
    for (let next = held[0]; next !== undefined; next = held[0]) {
      const last = sent.at(-1)
      if (last !== undefined && !prompt.has(last.method)) return
      held.shift()
      raw.sendImmediately(next.method, next.fields)
      sent.push(next)
      raw.reply = answer
    }
  }
  raw.sendOrEnqueue = (method, fields, reply) => {
    held.push({ method, fields, reply })
    send()
  }
}
