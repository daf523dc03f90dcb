/** Where tasks go and come from. */
export const settings = {
  broker: process.env.TWQ_BROKER ?? 'amqp://guest:guest@localhost:5672//',
  queue: 'nestjs-example',
}
