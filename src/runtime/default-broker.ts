/** The broker used when none is configured: RabbitMQ on this machine with its default account. Celery has the same default. */
export const DEFAULT_BROKER = 'amqp://guest:guest@localhost:5672//'
