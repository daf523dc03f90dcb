/**
 * RabbitMQ's `consumer_timeout`, in milliseconds, unless another is configured, which AMQP does not tell: a message
 * that is not acknowledged for longer is taken back. From RabbitMQ 4.3 on quorum queues alone have it.
 */
export const CONSUMER_TIMEOUT = 30 * 60_000
