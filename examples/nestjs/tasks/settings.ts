/** The broker and queue of the tasks. */
export const settings = {
  broker: process.env.TWQ_BROKER ?? 'amqp://guest:guest@localhost:5672//',
  queue: 'nestjs-example',
}
