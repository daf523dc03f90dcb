/**
 * The folder that TWQ_TEST_RABBITMQ names, which comes before everything else: programs of another RabbitMQ, and, where
 * they are there, of another Redis (`redis-server`) and a Python with Celery (`python3`).
 */
export function givenPrograms(): string[] {
  const folder = process.env.TWQ_TEST_RABBITMQ
  return folder ? [folder] : []
}
