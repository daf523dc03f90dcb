/** Something that starts once and stops once. */
export interface Service {
  readonly name: string
  /** Resolves when the service does its work. */
  start(): Promise<void>
  /** Stops the service; after `deadline` aborts it must not wait for anything. */
  stop(options: { deadline: AbortSignal }): Promise<void>
}
