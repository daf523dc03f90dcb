/** The broker where none is named: RabbitMQ on this machine, with the account that it comes with; Celery's default, too. */
export const DEFAULT_BROKER = 'amqp://guest:guest@localhost:5672//'
