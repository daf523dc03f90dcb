/**
 * RabbitMQ's `consumer_timeout`, in milliseconds, unless somebody configured another, which AMQP does not tell: a message
 * that is not acknowledged for longer is taken back.
 */
export const CONSUMER_TIMEOUT = 30 * 60_000
